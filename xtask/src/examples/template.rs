//! What has to be in a `CloudFormation` template: functions that have the extension, and know where profiles go.

use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::layer::files;

pub(super) fn read(file: &Path) -> Result<Value, Error> {
    serde_json::from_slice(&files::read(file)?)
        .map_err(|source| Error::Unreadable { of: "the template", source })
}

/// What is wrong with its functions, each as a sentence.
pub(super) fn wrong(template: &Value) -> Vec<String> {
    let resources = template.get("Resources").and_then(Value::as_object);
    let functions = resources.into_iter().flatten().filter(|(_, resource)| {
        let kind = resource.get("Type").and_then(Value::as_str);
        kind.is_some_and(|kind| ["AWS::Lambda::Function", "AWS::Serverless::Function"].contains(&kind))
    });
    let mut count = 0;
    let mut wrong = Vec::new();
    for (name, function) in functions {
        count += 1;
        let list = |path| function.pointer(path).and_then(Value::as_array);
        if list("/Properties/Layers").is_none_or(Vec::is_empty) {
            wrong.push(format!("{name} has no layer"));
        }
        if list("/Properties/Architectures").is_none_or(|list| list.iter().all(|one| one != "arm64")) {
            wrong.push(format!("{name} has not the layer's architecture"));
        }
        if function.pointer("/Properties/Environment/Variables/PYROSCOPE_REMOTE_ADDRESS").is_none() {
            wrong.push(format!("{name} does not say where profiles go"));
        }
    }
    if count == 0 {
        wrong.push("there is no function".to_owned());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_function_with_all_it_needs_is_right() {
        let template = json!({ "Resources": { "Orders": { "Type": "AWS::Lambda::Function", "Properties": {
            "Layers": ["arn"],
            "Architectures": ["arm64"],
            "Environment": { "Variables": { "PYROSCOPE_REMOTE_ADDRESS": { "Ref": "Address" } } },
        } } } });

        assert_eq!(wrong(&template), Vec::<String>::new());
    }

    #[test]
    fn all_that_a_function_lacks_is_named() {
        let template = json!({ "Resources": {
            "Orders": { "Type": "AWS::Serverless::Function", "Properties": { "Layers": [] } },
            "Role": { "Type": "AWS::IAM::Role" },
        } });

        assert_eq!(
            wrong(&template),
            [
                "Orders has no layer",
                "Orders has not the layer's architecture",
                "Orders does not say where profiles go"
            ]
        );
        assert_eq!(wrong(&json!({})), ["there is no function"]);
    }
}
