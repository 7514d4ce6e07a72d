//! Amazon Resource Names of secrets and parameters: pure.

use std::fmt;

/// A secret of Secrets Manager or a parameter of the Parameter Store, by its Amazon Resource Name.
///
/// Written `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME` or
/// `arn:PARTITION:ssm:REGION:ACCOUNT:parameter/NAME[:VERSION-OR-LABEL]`, either with `#KEY` where what is kept is a JSON
/// object and the secret is one of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretArn {
    service: Service,
    partition: &'static Partition,
    region: String,
    /// The name as AWS knows it, without the key.
    name: String,
    key: Option<String>,
}

/// The AWS services that keep secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// AWS Secrets Manager.
    SecretsManager,
    /// The Parameter Store of AWS Systems Manager.
    ParameterStore,
}

/// Why a text names no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum ArnFault {
    #[error("not an ARN")]
    NotAnArn,
    #[error("an ARN of neither Secrets Manager nor the Parameter Store")]
    OtherService,
    #[error("an ARN of a partition that is not known")]
    UnknownPartition,
    #[error("an ARN without a region")]
    NoRegion,
    #[error("the ARN of something that is neither a secret nor a parameter")]
    OtherResource,
    #[error("an ARN with an empty key behind its #")]
    NoKey,
}

/// A part of AWS with accounts and a domain of its own.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    id: &'static str,
    domain: &'static str,
}

/// The partitions as AWS's SDKs know them.
static PARTITIONS: [Partition; 8] = [
    Partition { id: "aws", domain: "amazonaws.com" },
    Partition { id: "aws-cn", domain: "amazonaws.com.cn" },
    Partition { id: "aws-us-gov", domain: "amazonaws.com" },
    Partition { id: "aws-eusc", domain: "amazonaws.eu" },
    Partition { id: "aws-iso", domain: "c2s.ic.gov" },
    Partition { id: "aws-iso-b", domain: "sc2s.sgov.gov" },
    Partition { id: "aws-iso-e", domain: "cloud.adc-e.uk" },
    Partition { id: "aws-iso-f", domain: "csp.hci.ic.gov" },
];

// === impl SecretArn ===

impl SecretArn {
    /// Reads a name; white space around it is left out.
    ///
    /// # Errors
    /// Where it is no ARN, or that of something else.
    pub fn parse(text: &str) -> Result<Self, ArnFault> {
        let text = text.trim();
        let (name, key) = match text.split_once('#') {
            Some((_, "")) => return Err(ArnFault::NoKey),
            Some((name, key)) => (name, Some(key.to_owned())),
            None => (text, None),
        };
        if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ArnFault::NotAnArn);
        }
        let mut parts = name.splitn(6, ':');
        let mut part = || parts.next().ok_or(ArnFault::NotAnArn);
        let (prefix, partition, service, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?, part()?);
        if prefix != "arn" {
            return Err(ArnFault::NotAnArn);
        }
        let service = Service::from_id(service).ok_or(ArnFault::OtherService)?;
        let known = PARTITIONS.iter().find(|known| known.id == partition);
        let partition = known.ok_or(ArnFault::UnknownPartition)?;
        // It becomes a part of a host's name.
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(ArnFault::NoRegion);
        }
        let kept = resource.strip_prefix(service.resource_prefix()).ok_or(ArnFault::OtherResource)?;
        if kept.is_empty() || account.is_empty() {
            return Err(ArnFault::OtherResource);
        }
        Ok(Self { service, partition, region: region.to_owned(), name: name.to_owned(), key })
    }

    /// The service that keeps it.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The region that it is kept in.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What AWS calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which value of a JSON object it is; none where it is all that is kept there.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where the service answers for the region.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}.{}.{}", self.service.id(), self.region, self.partition.domain)
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

// === impl Service ===

impl Service {
    /// Its name in ARNs, hosts and signatures.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::ParameterStore => "ssm",
        }
    }

    /// The permission that reading from it takes.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager:GetSecretValue",
            Self::ParameterStore => "ssm:GetParameter",
        }
    }

    const fn resource_prefix(self) -> &'static str {
        match self {
            Self::SecretsManager => "secret:",
            Self::ParameterStore => "parameter/",
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        [Self::SecretsManager, Self::ParameterStore].into_iter().find(|service| service.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_arn_says_whom_to_ask_where_and_for_what() {
        for (text, endpoint, region, name, key) in [
            (
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/pyroscope-AbCdEf",
                "https://secretsmanager.us-east-1.amazonaws.com",
                "us-east-1",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/pyroscope-AbCdEf",
                None,
            ),
            (
                " arn:aws:secretsmanager:eu-central-2:1:secret:p-AbCdEf#api key\n",
                "https://secretsmanager.eu-central-2.amazonaws.com",
                "eu-central-2",
                "arn:aws:secretsmanager:eu-central-2:1:secret:p-AbCdEf",
                Some("api key"),
            ),
            (
                "arn:aws-cn:secretsmanager:cn-north-1:1:secret:p#a#b",
                "https://secretsmanager.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "arn:aws-cn:secretsmanager:cn-north-1:1:secret:p",
                Some("a#b"),
            ),
            (
                "arn:aws-us-gov:ssm:us-gov-west-1:1:parameter/pyroscope/token",
                "https://ssm.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "arn:aws-us-gov:ssm:us-gov-west-1:1:parameter/pyroscope/token",
                None,
            ),
            (
                "arn:aws:ssm:us-east-2:1:parameter/token:7",
                "https://ssm.us-east-2.amazonaws.com",
                "us-east-2",
                "arn:aws:ssm:us-east-2:1:parameter/token:7",
                None,
            ),
            (
                "arn:aws-eusc:ssm:eusc-de-east-1:1:parameter/token:live#k",
                "https://ssm.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                "arn:aws-eusc:ssm:eusc-de-east-1:1:parameter/token:live",
                Some("k"),
            ),
        ] {
            let arn = SecretArn::parse(text).unwrap();
            assert_eq!(
                (arn.endpoint().as_str(), arn.region(), arn.name(), arn.key()),
                (endpoint, region, name, key)
            );
            assert_eq!(arn.to_string(), text.trim());
        }
    }

    #[test]
    fn what_names_no_secret_is_refused_with_its_fault() {
        for (text, fault) in [
            ("", ArnFault::NotAnArn),
            ("pyroscope-token", ArnFault::NotAnArn),
            ("arn:aws:secretsmanager:us-east-1:1", ArnFault::NotAnArn),
            ("urn:aws:secretsmanager:us-east-1:1:secret:p", ArnFault::NotAnArn),
            ("arn:aws:secretsmanager:us-east-1:1:secret:a b", ArnFault::NotAnArn),
            ("arn:aws:s3:::bucket/token", ArnFault::OtherService),
            ("arn:aws:kms:us-east-1:1:key/1", ArnFault::OtherService),
            ("arn:azure:ssm:us-east-1:1:parameter/t", ArnFault::UnknownPartition),
            ("arn:aws:secretsmanager::1:secret:p", ArnFault::NoRegion),
            ("arn:aws:ssm:evil.example/:1:parameter/t", ArnFault::NoRegion),
            ("arn:aws:secretsmanager:us-east-1::secret:p", ArnFault::OtherResource),
            ("arn:aws:ssm:us-east-1:1:document/t", ArnFault::OtherResource),
            ("arn:aws:ssm:us-east-1:1:parameter/", ArnFault::OtherResource),
            ("arn:aws:secretsmanager:us-east-1:1:secret:", ArnFault::OtherResource),
            ("arn:aws:secretsmanager:us-east-1:1:secret:p#", ArnFault::NoKey),
        ] {
            assert_eq!(SecretArn::parse(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_takes_it_takes_again(
            text in "(arn:aws:(ssm|secretsmanager):)?[-a-z0-9.:/@%#éé ]{0,30}|\\PC{0,20}",
        ) {
            if let Ok(arn) = SecretArn::parse(&text) {
                prop_assert_eq!(SecretArn::parse(&arn.to_string()), Ok(arn));
            }
        }
    }
}
