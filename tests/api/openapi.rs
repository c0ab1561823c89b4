//! `schemas/openapi.yaml` is what the server does: routes and document name the same operations, and every answer that
//! a test of the API gets is held against the document.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{LazyLock, Mutex},
};

use http::Method;
use serde_json::{Value, json};
use zahlstelle::http::routes::OPERATIONS;

use crate::client::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../schemas/openapi.yaml");
    serde_norway::from_str(text).unwrap()
});
static VALIDATORS: Mutex<BTreeMap<String, jsonschema::Validator>> = Mutex::new(BTreeMap::new());

#[test]
fn routes_and_document_name_the_same_operations() {
    let served: BTreeSet<(String, String, String)> = OPERATIONS
        .iter()
        .map(|operation| (operation.verb.as_str().to_lowercase(), operation.path.to_owned(), operation.id.to_owned()))
        .collect();
    let described: BTreeSet<(String, String, String)> = paths()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().filter(|(verb, _)| *verb != "parameters").map(|(verb, operation)| {
                (verb.clone(), path.clone(), operation["operationId"].as_str().unwrap().to_owned())
            })
        })
        .collect();
    assert_eq!(served, described);
}

#[test]
fn every_write_below_v1_needs_a_key() {
    for (path, item) in paths().filter(|(path, _)| path.starts_with("/v1")) {
        let Some(post) = item.get("post") else { continue };
        let parameters = [&item["parameters"], &post["parameters"]].into_iter().filter_map(Value::as_array).flatten();
        let named: Vec<&Value> = parameters.map(resolve).map(|parameter| &parameter["name"]).collect();
        assert!(named.contains(&&json!("Idempotency-Key")), "{path} names {named:?}");
    }
}

#[test]
fn the_judge_can_say_no() {
    let schema = pointer_to_schema("/v1/payments/{id}", "get", 200).unwrap();
    assert!(problems(&schema, &json!({"object": "payment"})).len() > 10);
}

/// Holds an answer against the document.
pub(crate) fn judge(method: &Method, path: &str, reply: &Reply) {
    let path = path.split('?').next().unwrap();
    let Some(template) = template_of(path) else { return };
    let verb = method.as_str().to_lowercase();
    if DOCUMENT["paths"][template][&verb].is_null() || reply.header("content-type") == Some("application/yaml") {
        return;
    }
    let pointer = pointer_to_schema(template, &verb, reply.status)
        .unwrap_or_else(|| panic!("{method} {path}: the document has no {}: {reply:?}", reply.status));
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return };
    let wrong = problems(&pointer, &body);
    assert!(wrong.is_empty(), "{method} {path} {}: {wrong:#?}\n{body:#}", reply.status);
}

fn paths() -> impl Iterator<Item = (&'static String, &'static Value)> {
    DOCUMENT["paths"].as_object().unwrap().iter()
}

/// The path of the document that an address fits; literal paths before those with parameters.
fn template_of(path: &str) -> Option<&'static str> {
    let fits = |template: &str| {
        let (asked, known): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        asked.len() == known.len() && asked.iter().zip(&known).all(|(part, of)| of.starts_with('{') || part == of)
    };
    let mut fitting: Vec<&str> = paths().map(|(template, _)| template.as_str()).filter(|path| fits(path)).collect();
    fitting.sort_by_key(|template| template.matches('{').count());
    fitting.first().copied()
}

/// Where in the document the schema of an answer stands.
fn pointer_to_schema(template: &str, verb: &str, status: u16) -> Option<String> {
    let responses = &DOCUMENT["paths"][template][verb]["responses"];
    let key = if responses[status.to_string()].is_null() { "default".to_owned() } else { status.to_string() };
    let mut pointer = format!("/paths/{}/{verb}/responses/{key}", template.replace('~', "~0").replace('/', "~1"));
    if let Some(reference) = DOCUMENT.pointer(&pointer)?["$ref"].as_str() {
        reference.trim_start_matches('#').clone_into(&mut pointer);
    }
    let content = DOCUMENT.pointer(&pointer)?["content"].as_object()?;
    let kind = content.keys().next()?.replace('/', "~1");
    Some(format!("{pointer}/content/{kind}/schema"))
}

fn resolve(value: &'static Value) -> &'static Value {
    let reference = value["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    reference.map_or(value, |pointer| DOCUMENT.pointer(pointer).unwrap())
}

/// What does not fit a schema of the document.
fn problems(pointer: &str, body: &Value) -> Vec<String> {
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(pointer.to_owned()).or_insert_with(|| {
        let mut schema = DOCUMENT.clone();
        schema["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
    });
    validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
