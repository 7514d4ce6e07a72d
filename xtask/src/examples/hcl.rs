//! What has to be in a configuration of Terraform, read from the JSON that `hcl2tojson` writes: names that exist, and a function
//! that has the extension.

use std::collections::BTreeSet;

use serde_json::Value;

/// Names of what a configuration declares or refers to: `var.layer`, `aws_lambda_function.orders`.
type Names = BTreeSet<String>;

/// What is wrong with a configuration in several files, each as a sentence.
pub(super) fn wrong(files: &[Value]) -> Vec<String> {
    let declared: Names = files.iter().flat_map(declared).collect();
    let mut used = Names::new();
    for file in files {
        references(file, &mut used);
    }
    let missing = used.difference(&declared).map(|name| format!("{name} is not declared"));
    let unused =
        declared.difference(&used).filter(|name| name.starts_with("var.") || name.starts_with("local."));
    let mut wrong: Vec<String> = missing.chain(unused.map(|name| format!("{name} is not used"))).collect();
    let functions: Vec<&Value> = files.iter().flat_map(functions).collect();
    if functions.is_empty() {
        wrong.push("there is no function".to_owned());
    }
    for function in functions {
        let list = |name: &str| function.get(name).and_then(Value::as_array);
        if list("layers").is_none_or(Vec::is_empty) {
            wrong.push("the function has no layer".to_owned());
        }
        if list("architectures").is_none_or(|list| list.iter().all(|one| one != "\"arm64\"")) {
            wrong.push("the function has not the layer's architecture".to_owned());
        }
        if function.pointer("/environment/0/variables/PYROSCOPE_REMOTE_ADDRESS").is_none() {
            wrong.push("the function does not say where profiles go".to_owned());
        }
    }
    wrong
}

/// A block's entries of one kind, each with its label.
fn labelled<'file>(
    file: &'file Value,
    kind: &str,
) -> impl Iterator<Item = (String, &'file Value)> + use<'file> {
    let blocks = file.get(kind).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    blocks.flatten().map(|(label, content)| (label.trim_matches('"').to_owned(), content))
}

/// Resources or data of a file: type, name and content.
fn typed<'file>(
    file: &'file Value,
    kind: &str,
) -> impl Iterator<Item = (String, String, &'file Value)> + use<'file> {
    labelled(file, kind).flat_map(|(class, named)| {
        let named = named.as_object().into_iter().flatten();
        named.map(move |(name, content)| (class.clone(), name.trim_matches('"').to_owned(), content))
    })
}

fn functions(file: &Value) -> Vec<&Value> {
    let functions = typed(file, "resource").filter(|(class, _, _)| class == "aws_lambda_function");
    functions.map(|(_, _, content)| content).collect()
}

fn declared(file: &Value) -> Names {
    let variables = labelled(file, "variable").map(|(name, _)| format!("var.{name}"));
    let locals = labelled(file, "locals").map(|(name, _)| name);
    let locals = locals.filter(|name| name != "__is_block__").map(|name| format!("local.{name}"));
    let data = typed(file, "data").map(|(class, name, _)| format!("data.{class}.{name}"));
    let resources = typed(file, "resource").map(|(class, name, _)| format!("{class}.{name}"));
    variables.chain(locals).chain(data).chain(resources).collect()
}

/// All names in expressions, wherever they stand.
fn references(value: &Value, names: &mut Names) {
    match value {
        Value::String(text) if text.contains("${") => names.extend(expression(text)),
        Value::Array(list) => list.iter().for_each(|one| references(one, names)),
        Value::Object(map) => map.values().for_each(|one| references(one, names)),
        _ => {}
    }
}

fn expression(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || "_.-".contains(sign)));
    words.filter_map(|word| match *word.split('.').collect::<Vec<_>>() {
        [kind @ ("var" | "local"), name, ..] => Some(format!("{kind}.{name}")),
        ["data", class, name, ..] => Some(format!("data.{class}.{name}")),
        [class, name, _, ..] if class.contains('_') => Some(format!("{class}.{name}")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn function() -> Value {
        json!({
            "layers": ["${var.layer}"],
            "architectures": ["\"arm64\""],
            "role": "${aws_iam_role.orders.arn}",
            "environment": [{ "variables": { "PYROSCOPE_REMOTE_ADDRESS": "${local.address[0]}" } }],
        })
    }

    fn configuration(function: &Value) -> [Value; 2] {
        [
            json!({ "resource": [
                { "\"aws_iam_role\"": { "\"orders\"": { "name": "\"orders\"" } } },
                { "\"aws_lambda_function\"": { "\"orders\"": function } },
            ] }),
            json!({
                "variable": [{ "\"layer\"": { "type": "string" } }],
                "locals": [{ "address": "\"https://a.example\"", "__is_block__": true }],
            }),
        ]
    }

    #[test]
    fn a_function_whose_names_exist_is_right() {
        assert_eq!(wrong(&configuration(&function())), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_nobody_declares_is_wrong() {
        let mut function = function();
        function["role"] = json!("${aws_iam_role.order.arn}");
        function["layers"] = json!(["${var.layers}"]);

        assert_eq!(
            wrong(&configuration(&function)),
            ["aws_iam_role.order is not declared", "var.layers is not declared", "var.layer is not used"]
        );
    }

    #[test]
    fn a_function_without_the_extension_is_wrong() {
        let bare = json!({ "role": "${aws_iam_role.orders.arn} ${var.layer} ${local.address}" });

        assert_eq!(
            wrong(&configuration(&bare)),
            [
                "the function has no layer",
                "the function has not the layer's architecture",
                "the function does not say where profiles go"
            ]
        );
        assert_eq!(wrong(&[]), ["there is no function"]);
    }
}
