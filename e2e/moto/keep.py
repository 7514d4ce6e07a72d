"""Prepares an AWS that moto plays, and changes what is kept there.

  keep.py prepare ENDPOINT VALUE   keeps VALUE as a secret and as a parameter, and makes a role that may read both
  keep.py change ENDPOINT VALUE    keeps VALUE from now on, with the keys of the environment

The first prints the ARNs and the keys as JSON. From then on every request has to be signed and permitted.
"""

import json
import sys
import urllib.request

import boto3

REGION = "eu-west-1"
SECRET = "pyroscope/token"
PARAMETER = "/pyroscope/token"
ANYBODY = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}
READER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameter"],
            "Resource": "*",
        }
    ],
}
KEEPER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def clients(endpoint, keys):
    def client(service):
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **keys)

    return client


def secret(value):
    return json.dumps({"user": "somebody", "token": value})


def prepare(endpoint, value):
    client = clients(endpoint, ANYBODY)
    kept = client("secretsmanager").create_secret(Name=SECRET, SecretString=secret(value))
    parameters = client("ssm")
    parameters.put_parameter(Name=PARAMETER, Value=value, Type="SecureString")
    parameter = parameters.get_parameter(Name=PARAMETER)["Parameter"]

    iam = client("iam")
    iam.create_user(UserName="keeper")
    iam.put_user_policy(UserName="keeper", PolicyName="all", PolicyDocument=json.dumps(KEEPER))
    keeper = iam.create_access_key(UserName="keeper")["AccessKey"]
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName="function", PolicyName="read", PolicyDocument=json.dumps(READER))
    assumed = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="sandbox")["Credentials"]

    plain = {"Content-Type": "text/plain"}
    strict = urllib.request.Request(endpoint + "/moto-api/reset-auth", b"0", plain)
    urllib.request.urlopen(strict).close()
    json.dump(
        {
            "secret": kept["ARN"],
            "parameter": parameter["ARN"],
            "keeper": {"id": keeper["AccessKeyId"], "secret": keeper["SecretAccessKey"]},
            "function": {
                "id": assumed["AccessKeyId"],
                "secret": assumed["SecretAccessKey"],
                "token": assumed["SessionToken"],
            },
        },
        sys.stdout,
    )


def change(endpoint, value):
    client = clients(endpoint, {})
    client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=secret(value))
    client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="SecureString", Overwrite=True)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"prepare": prepare, "change": change}[command](*arguments)
