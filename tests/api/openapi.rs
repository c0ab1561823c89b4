//! The OpenAPI document as judge: of the table of operations, and of every exchange that any test here makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};
use zahlstelle::http::{
    Code,
    routes::{OPERATIONS, Verb},
};

use crate::client::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.yaml");
    serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// Compiled schemas, by their text.
static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Fails unless the document describes this answer, and this request if it was met.
pub(crate) fn judge(method: &str, path: &str, body: &[u8], reply: &Reply) {
    let path = path.split('?').next().unwrap();
    if path.starts_with("/pay/") {
        // Pages are for people; the document describes what programs see.
        return;
    }
    let place = format!("{method} {path}: {}", reply.status);
    assert!(reply.headers.contains_key("request-id"), "{place} has no Request-Id");
    let Some(operation) = operation(method, path) else {
        assert!(matches!(reply.status, 404 | 405 | 421 | 429), "{place} is no operation of the document");
        return assert_fits(&json!({"$ref": "#/components/schemas/Problem"}), &reply.json(), &place);
    };
    let status = reply.status.to_string();
    let responses = &operation["responses"];
    let described = responses.get(&status).or_else(|| responses.get("default"));
    let described = resolve(described.unwrap_or_else(|| panic!("{place} is not described")));
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        let required = resolve(header)["required"].as_bool().unwrap_or(false);
        assert!(!required || reply.headers.contains_key(name.to_lowercase()), "{place} lacks {name}");
    }
    let kind = reply.header("content-type").unwrap().split(';').next().unwrap();
    let schema = &described["content"][kind]["schema"];
    assert!(schema.is_object(), "{place} is not described as {kind}");
    if kind.ends_with("json") {
        assert_fits(schema, &reply.json(), &place);
    }
    let asked = &operation["requestBody"]["content"]["application/json"]["schema"];
    if reply.status < 300 && asked.is_object() && !body.is_empty() {
        assert_fits(asked, &serde_json::from_slice(body).unwrap(), &format!("{place}, the request"));
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        let same = |(wanted, given): (&&str, &&str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
        template.len() == path.len() && template.iter().zip(&path).all(same)
    };
    let (_, item) = DOCUMENT["paths"].as_object()?.iter().find(|(template, _)| fits(template))?;
    item.get(method.to_lowercase())
}

fn resolve(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => node,
    }
}

fn assert_fits(schema: &Value, value: &Value, place: &str) {
    let validator = {
        let mut validators = VALIDATORS.lock().unwrap();
        let compile = || {
            let whole = json!({"allOf": [schema], "components": DOCUMENT["components"]});
            Arc::new(jsonschema::options().should_validate_formats(true).build(&whole).unwrap())
        };
        Arc::clone(validators.entry(schema.to_string()).or_insert_with(compile))
    };
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{place} differs from the document:\n{}\n{value:#}", wrong.join("\n"));
}

#[test]
fn the_document_and_the_table_have_the_same_operations() {
    let described: BTreeSet<(String, String, String)> = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters");
            operations.map(|(method, operation)| {
                (operation["operationId"].as_str().unwrap().to_owned(), method.to_uppercase(), path.clone())
            })
        })
        .collect();
    let table: BTreeSet<_> =
        OPERATIONS.iter().map(|row| (row.id.to_owned(), row.verb.as_str().to_owned(), row.path.to_owned())).collect();
    assert_eq!(described, table);
}

#[test]
fn the_document_names_the_scopes_and_codes_of_the_program() {
    for row in &OPERATIONS {
        let described = operation(row.verb.as_str(), row.path).unwrap();
        match row.scope() {
            Some(scope) => {
                let words = described["description"].as_str().unwrap();
                assert!(words.contains(&format!("`{scope}`")), "{} does not name {scope}", row.id);
            }
            None => assert_eq!(described["security"], json!([]), "{} needs no key", row.id),
        }
    }
    let words = DOCUMENT["info"]["description"].as_str().unwrap();
    for code in Code::ALL {
        let row = code.row();
        assert!(words.contains(&format!("`{}`", row.name)), "the document does not name {}", row.name);
    }
}

#[test]
fn every_write_below_v1_needs_a_key() {
    for row in OPERATIONS.iter().filter(|row| row.path.starts_with("/v1") && row.verb == Verb::Post) {
        let item = &DOCUMENT["paths"][row.path];
        let parameters = [&item["parameters"], &item["post"]["parameters"]].into_iter().filter_map(Value::as_array);
        let named: Vec<&Value> = parameters.flatten().map(|parameter| &resolve(parameter)["name"]).collect();
        assert!(named.contains(&&json!("Idempotency-Key")), "{} names {named:?}", row.path);
    }
}

#[test]
#[should_panic(expected = "differs from the document")]
fn the_judge_can_say_no() {
    assert_fits(&json!({"$ref": "#/components/schemas/Payment"}), &json!({"object": "payment"}), "a payment");
}
