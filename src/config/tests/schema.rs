//! The shipped files, the schema and the parser say the same.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::config::{Config, Database, Environ, known_tables, tests::Folder};

const ENVIRON: &Environ<'static> = &|_| Some("0123456789abcdef".repeat(4));

fn shipped(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&shipped("schemas/config.schema.json")).unwrap()
}

/// TOML as the schema sees it: a day is a string.
fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(day) => Value::String(day.to_string()),
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(members) => members.into_iter().map(|(key, member)| (key, as_json(member))).collect(),
        plain => serde_json::to_value(plain).unwrap(),
    }
}

#[test]
fn shipped_files_are_right_and_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for name in ["zahlstelle.toml", "demo.toml", "tenants/dortmund.toml"] {
        let json = as_json(toml::from_str(&shipped(&format!("config/{name}"))).unwrap());
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
    for name in ["zahlstelle.toml", "demo.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        let loaded = Config::load(&path, ENVIRON).map(|config| config.tenants.len());
        assert_eq!(loaded, Ok(1), "{name}");
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = as_json(toml::from_str(super::TENANT).unwrap());
    assert!(validator.is_valid(&good));
    for (pointer, wrong) in [
        ("/tenant/environment", "prod"),
        ("/fee/0/version/0/amount", "15,00"),
        ("/service/0/methods/card", "Not A Name"),
        ("/kassenzeichen/0/check_digit", "mod12"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = Value::from(wrong);
        assert!(!validator.is_valid(&bad), "{pointer} = {wrong} fits the schema");
    }
}

#[test]
fn the_schema_knows_the_keys_that_the_parser_knows() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let in_schema: BTreeMap<&str, Vec<&str>> = definitions
        .iter()
        .filter_map(|(name, table)| {
            Some((name.as_str(), table.get("properties")?.as_object()?.keys().map(String::as_str).collect()))
        })
        .collect();
    let mut in_parser = BTreeMap::new();
    for table in known_tables() {
        let mut names = table.names.to_vec();
        names.sort_unstable();
        assert_eq!(in_parser.insert(table.schema, names), None, "{} is listed twice", table.schema);
    }
    let sorted = in_schema.into_iter().map(|(name, mut keys)| {
        keys.sort_unstable();
        assert_eq!(definitions[name]["additionalProperties"], Value::Bool(false), "{name}");
        (name, keys)
    });
    assert_eq!(in_parser, sorted.collect());
}

/// Where each table stands in the shipped files. Every table has all its keys there or is given them by the test.
const PLACES: [(&str, &str); 22] = [
    ("server", "server"),
    ("tls", "tls"),
    ("limits", "limits"),
    ("database", "database"),
    ("log", "log"),
    ("jobs", "jobs"),
    ("metrics", "metrics"),
    ("tracing", "tracing"),
    ("webhooks", "webhooks"),
    ("tenants", "tenants"),
    ("tenant", "tenant"),
    ("authority", "authority"),
    ("kassenzeichen", "kassenzeichen[0]"),
    ("fee", "fee[0]"),
    ("fee_version", "fee[0].version[0]"),
    ("share", "fee[0].version[0].shares[0]"),
    ("service", "service[0]"),
    ("methods", "service[0].methods"),
    ("approval_step", "service[0].approval_chain[0]"),
    ("expires_in_seconds", "service[0].expires_in_seconds"),
    ("provider_account", "provider_account[0]"),
    ("secret_source", "provider_account[0].api_key"),
];

#[test]
fn the_parser_reads_every_key_that_it_knows() {
    let step = "approval_chain = [{ name = \"a\", scope = \"refunds:order\" }]";
    let tenant = shipped("config/tenants/dortmund.toml").replace("approval_chain = []", step);
    let tables = known_tables();
    for (schema, place) in PLACES {
        let table = tables.iter().find(|table| table.schema == schema).unwrap();
        for key in table.names {
            let in_main = shipped("config/zahlstelle.toml").contains(&format!("[{place}]"));
            let mut main: toml::Value = toml::from_str(&shipped("config/zahlstelle.toml")).unwrap();
            main["tenants"]["files"] = vec!["stadt.toml"].into();
            let mut stadt: toml::Value = toml::from_str(&tenant).unwrap();
            // No setting is a time of the day, so whoever reads the key must complain.
            let nonsense = toml::Value::Datetime("07:32:00".parse().unwrap());
            let table = find(if in_main { &mut main } else { &mut stadt }, place);
            if schema == "secret_source" {
                // A secret with two sources would be refused before either is read.
                table.clear();
            }
            table.insert((*key).to_owned(), nonsense);
            let folder = Folder::new(&toml::to_string(&main).unwrap(), &toml::to_string(&stadt).unwrap());
            let expected = format!("{place}.{key}");
            let errors = folder.load().unwrap_err();
            assert!(errors.iter().any(|error| error.key == expected), "nobody reads {expected}: {errors}");
        }
    }
    let placed: Vec<&str> = PLACES.iter().map(|(schema, _)| *schema).collect();
    let missing: Vec<&str> = tables.iter().map(|table| table.schema).filter(|name| !placed.contains(name)).collect();
    assert_eq!(missing, ["main", "tenant_file"], "their keys are the tables themselves");
}

fn find<'v>(root: &'v mut toml::Value, place: &str) -> &'v mut toml::Table {
    let mut value = root;
    for part in place.split('.') {
        let (name, index) = part.strip_suffix("[0]").map_or((part, None), |name| (name, Some(0)));
        value = value.get_mut(name).unwrap_or_else(|| panic!("{place} is not in the shipped file"));
        if let Some(index) = index {
            value = value.get_mut::<usize>(index).unwrap();
        }
    }
    value.as_table_mut().unwrap()
}

#[test]
fn the_annotated_file_shows_every_setting_with_its_default() {
    let shown: toml::Table = toml::from_str(&shipped("config/zahlstelle.toml")).unwrap();
    let schema = schema();
    for section in ["server", "limits", "database", "log", "jobs", "webhooks", "metrics", "tracing"] {
        let properties = schema["$defs"][section]["properties"].as_object().unwrap();
        for (key, property) in properties {
            let written = as_json(shown[section][key.as_str()].clone());
            if let Some(default) = property.get("default") {
                assert_eq!(&written, default, "{section}.{key}");
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/zahlstelle.toml");
    let annotated = Config::load(&path, ENVIRON).unwrap();
    let smallest = Folder::new(super::MAIN, super::TENANT);
    let default = smallest.load().unwrap();
    assert_eq!((&annotated.server, &annotated.log, &annotated.jobs), (&default.server, &default.log, &default.jobs));
    assert_eq!(annotated.metrics, default.metrics);
    assert_eq!(annotated.tracing, default.tracing);
    assert_eq!((&annotated.tls, &annotated.limits), (&None, &default.limits));
    let numbers = |config: &Config| {
        let webhooks = &config.webhooks;
        (webhooks.endpoints_per_tenant_max, webhooks.in_flight_max, webhooks.in_flight_per_endpoint_max)
    };
    assert_eq!(numbers(&annotated), numbers(&default));
    assert_eq!(annotated.webhooks.retry_schedule, default.webhooks.retry_schedule);
    assert!(annotated.webhooks.master_keys.is_empty() && default.webhooks.master_keys.is_empty());
    assert_eq!(annotated.webhooks.networks_allowed, default.webhooks.networks_allowed);
    assert_eq!(default.database, Database::File(smallest.path("zahlstelle.sqlite")));
}

#[test]
fn dortmund_charges_what_the_law_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let config = Config::load(&path, ENVIRON).unwrap();
    let tenant = &config.tenants["dortmund-demo"].tenant;
    let price = |key: &str, day: &str| tenant.fees.price(key, 1, None, day.parse().unwrap()).unwrap();
    for (key, day, gross) in [
        ("personalausweis_ab_24", "2026-02-06", "37.00"),
        ("personalausweis_ab_24", "2026-02-07", "46.00"),
        ("personalausweis_unter_24", "2026-02-06", "22.80"),
        ("personalausweis_unter_24", "2026-02-07", "27.60"),
        ("reisepass_ab_24", "2026-07-01", "70.00"),
        ("bewohnerparkausweis", "2026-07-01", "30.70"),
    ] {
        assert_eq!(price(key, day).gross.decimal(), gross, "{key} on {day}");
    }
    let shares =
        |key: &str| price(key, "2026-07-01").shares.iter().map(|share| share.amount.decimal()).collect::<Vec<_>>();
    assert_eq!(shares("fuehrungszeugnis"), ["5.20", "7.80"]);
    assert_eq!(shares("gewerbezentralregister"), ["4.88", "8.12"]);
    let hall = price("sporthalle_stunde", "2026-07-01");
    assert_eq!((hall.net.decimal().as_str(), hall.tax.decimal().as_str()), ("20.17", "3.83"));
    let portal = &tenant.services["buergerportal"];
    assert!(portal.lines.explicit && portal.booking_for(None).is_ok() && portal.approval_chain.is_empty());
    assert!(!portal.lines.fees.contain("reisepass_ab_24"));
    assert!(tenant.services["buergerbuero"].lines.fees.contain("reisepass_ab_24"));
    assert_eq!(tenant.range_of(portal).unwrap().scheme().number(1).unwrap().as_str().len(), 13);
}
