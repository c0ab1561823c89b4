//! What is wrong is told, all of it, where it stands.

use super::{Folder, MAIN, TENANT, report};

#[test]
fn ten_mistakes_are_ten_lines() {
    let main = r#"[server]
public_url = "http://zahlung.example.org"
lisen = "127.0.0.1:8080"
request_timeout_seconds = 0
connections_max = 1.5
[log]
level = "verbose"
[tenants]
files = ["stadt.toml"]
"#;
    let tenant = TENANT
        .replace("id = \"portal\"", "id = \"Portal\"")
        .replace("range = \"online\"", "range = \"onlin\"")
        .replace("card = \"adyen\"", "card = \"adyem\"")
        .replace("amount = \"15.00\"", "amount = 15.00")
        .replace("fees = [\"urkunde\"]", "fees = [\"urkunden\"]");
    let report = Folder::new(main, &tenant).report();
    let expected = [
        "zahlstelle.toml:2: server.public_url: must begin with https://, http:// is only for this machine",
        "zahlstelle.toml:3: server.lisen: is not a setting of server; did you mean \"listen\"?",
        "zahlstelle.toml:4: server.request_timeout_seconds: must be from 1 to 300",
        "zahlstelle.toml:5: server.connections_max: must be a whole number, is a float; amounts are written as strings such as \"13.00\"",
        "zahlstelle.toml:7: log.level: must be one of them: error, warn, info, debug, trace; is \"verbose\"",
        "stadt.toml:14: fee[0].version[0].amount: must be a string, is a float; amounts are written as strings such as \"13.00\"",
        "stadt.toml:23: service[0].id: must be 1 to 40 lower-case letters, digits or '-', beginning with a letter or digit",
        "stadt.toml:25: service[0].range: is not the name of a range of Kassenzeichen; did you mean \"online\"?",
        "stadt.toml:26: service[0].fees[0]: is not the name of a fee; did you mean \"urkunde\"?",
        "stadt.toml:27: service[0].methods.card: is not the name of a provider account; did you mean \"adyen\"?",
    ];
    assert_eq!(report, expected);
}

#[test]
fn broken_lines_are_told_with_the_mistakes_of_the_others() {
    let tenant = TENANT
        .replace("id = \"stadt\"", "id = stadt")
        .replace("digits = 8", "digits = \"8")
        .replace("card = \"adyen\"", "card = \"adyem\"");
    let report = report(&tenant);
    assert_eq!(report.len(), 3, "{report:#?}");
    assert!(report[0].starts_with("stadt.toml:2: is not TOML: "), "{report:#?}");
    assert!(report[1].starts_with("stadt.toml:9: is not TOML: "), "{report:#?}");
    assert!(report[2].starts_with("stadt.toml:27: service[0].methods.card: "), "{report:#?}");
}

/// What stands in the template, what is written instead, and what is told about it.
const MISTAKES: [(&str, &str, &str); 34] = [
    (
        "[[fee]]",
        "[[kassenzeichen]]\nname = \"amt\"\nprefix = \"4200\"\ndigits = 6\ncheck_digit = \"mod10\"\n[[fee]]",
        "11: kassenzeichen[1].first: the ranges \"amt\" and \"online\" can give the same Kassenzeichen",
    ),
    ("id = \"stadt\"\n", "", "1: tenant.id: is missing"),
    ("name = { de = \"Stadt\" }", "name = \"Stadt\"", "5: authority.name: must be a table, is a string"),
    ("{ de = \"Stadt\" }", "{}", "5: authority.name: must have a text in at least one language"),
    (
        "{ de = \"Stadt\" }",
        "{ DE = \"Stadt\" }",
        "5: authority.name.DE: must be a language tag of two or three lower-case letters such as \"de\"",
    ),
    ("digits = 8", "digits = 19", "9: kassenzeichen[0].digits: must be from 1 to 18"),
    ("prefix = \"42\"", "prefix = \"DO\"", "8: kassenzeichen[0].prefix: must be digits for check digit \"mod11_10\""),
    (
        "digits = 8",
        "digits = 8\nlast = 100000000",
        "10: kassenzeichen[0].last: must be at most 99999999, which is all that the digits can hold",
    ),
    (
        "digits = 8",
        "digits = 8\nprint_mask = \"####\"",
        "10: kassenzeichen[0].print_mask: has 4 places '#' for a Kassenzeichen of 11 characters",
    ),
    ("amount = \"15.00\"", "amount = \"15,00\"", "14: fee[0].version[0].amount: is not a plain decimal such as 13.00"),
    ("amount = \"15.00\"", "amount = \"0\"", "14: fee[0].version[0].amount: must be greater than zero"),
    (
        "shares = [{ ",
        "shares = [{ part = \"2/5\", ",
        "14: fee[0].version[0].shares: must have parts that are greater than zero and add up to exactly 1",
    ),
    (
        "shares = [{ ",
        "shares = [{ part = \"0.4\", ",
        "14: fee[0].version[0].shares[0].part: must be a fraction such as \"2/5\"",
    ),
    ("{ produktkonto = \"1\" }", "{}", "14: fee[0].version[0].shares[0].booking: must say where it is booked"),
    (
        "\"15.00\", ",
        "\"15.00\", valid_from = \"2026-01-01\", ",
        "14: fee[0].version[0].valid_from: must be a day such as 2026-02-07, without quotes, is a string",
    ),
    (
        "\"15.00\", ",
        "\"15.00\", valid_from = 2026-02-07, valid_to = 2026-02-06, ",
        "14: fee[0].version[0].valid_to: must not be before valid_from",
    ),
    (
        "\"15.00\", ",
        "\"15.00\", tax_rate = \"119\", ",
        "14: fee[0].version[0].tax_rate: must be a percentage such as \"19\" or \"7.5\"",
    ),
    (
        "provider = \"adyen\"",
        "provider = \"adyn\"",
        "17: provider_account[0].provider: must be one of them: adyen; is \"adyn\"",
    ),
    (
        "StadtECOM",
        "Stadt:ECOM",
        "19: provider_account[0].merchant_account: must be 1 to 80 visible ASCII characters without a colon",
    ),
    ("range = \"online\"\n", "", "22: service[0].range: is missing"),
    (
        "range = \"online\"",
        "range = \"online\"\nkassenzeichen = \"given\"",
        "25: service[0].range: has no meaning where kassenzeichen is \"given\"",
    ),
    ("fees = [\"urkunde\"]\n", "", "22: service[0].fees: is missing"),
    ("fees = [\"urkunde\"]", "fees = \"every\"", "26: service[0].fees: must be one of them: all; is \"every\""),
    (
        "fees = [\"urkunde\"]",
        "fees = [\"urkunde\", \"urkunde\"]",
        "26: service[0].fees[1]: is already the name of an earlier entry",
    ),
    (
        "fees = [",
        "booking_keys_required = [\"kostenstelle\"]\nfees = [",
        "26: service[0].booking_keys_required: service \"portal\" needs booking key \"kostenstelle\", which fee \"urkunde\" lacks",
    ),
    (
        "fees = [",
        "booking_keys_required = [\"produktkonto\"]\ndefault_booking = { kst = \"1\" }\nfees = [",
        "27: service[0].default_booking: must contain \"produktkonto\", which booking_keys_required names",
    ),
    (
        "fees = [",
        "return_urls = [\"https://a.example\", \"http://b.example\"]\nfees = [",
        "26: service[0].return_urls[1]: must begin with https://, only a test Mandant may use http:// and only on this machine",
    ),
    ("methods = { card = \"adyen\" }", "methods = {}", "27: service[0].methods: must have from 1 to 4 entries"),
    (
        "methods = { card = \"adyen\" }",
        "methods = { card = \"adyen\", cash = \"adyen\" }",
        "27: service[0].methods.cash: is not a setting of methods; known are card, paypal, google_pay, apple_pay",
    ),
    (
        "fees = [",
        "approval_chain = [{ name = \"a\", scope = \"refunds:release\", limit = \"5\" }]\nfees = [",
        "26: service[0].approval_chain[0].limit: is only for steps with scope \"refunds:order\"",
    ),
    (
        "fees = [",
        "approval_chain = [{ name = \"a\", scope = \"refunds:request\" }]\nfees = [",
        "26: service[0].approval_chain[0].scope: must be one of them: refunds:confirm, refunds:order, refunds:release; is \"refunds:request\"",
    ),
    (
        "fees = [",
        "expires_in_seconds = { min = 3600 }\nfees = [",
        "26: service[0].expires_in_seconds: must have 0 < min <= default <= max",
    ),
    (
        "fees = [",
        "outcome_deadline_seconds = -1\nfees = [",
        "26: service[0].outcome_deadline_seconds: must be from 60 to 2592000",
    ),
    ("fees = [", "capture = true\nfees = [", "26: service[0].capture: must be a string, is true or false"),
];

#[test]
fn each_mistake_of_a_tenant_file_is_told_at_its_place() {
    for (right, wrong, told) in MISTAKES {
        assert!(TENANT.contains(right), "{right} is not in the template");
        assert_eq!(report(&TENANT.replacen(right, wrong, 1)), [format!("stadt.toml:{told}")], "{wrong}");
    }
}

#[test]
fn names_are_used_once() {
    let twice = |table: &str, next: &str| {
        let begin = TENANT.find(table).unwrap();
        let end = TENANT.find(next).unwrap_or(TENANT.len());
        report(&format!("{TENANT}{}", &TENANT[begin..end]))
    };
    assert_eq!(
        twice("[[kassenzeichen]]", "[[fee]]"),
        ["stadt.toml:29: kassenzeichen[1].name: is already the name of an earlier range"]
    );
    assert_eq!(twice("[[fee]]", "[[provider"), ["stadt.toml:29: fee[1].key: is already the name of an earlier fee"]);
    assert_eq!(
        twice("[[provider", "[[service]]"),
        ["stadt.toml:29: provider_account[1].name: is already the name of an earlier account"]
    );
    assert_eq!(
        twice("[[service]]", "nothing follows"),
        ["stadt.toml:29: service[1].id: is already the name of an earlier service"]
    );
}

#[test]
fn two_mandanten_share_neither_id_nor_account_nor_file() {
    let main = MAIN.replace("\"stadt.toml\"", "\"stadt.toml\", \"kreis.toml\", \"stadt.toml\"");
    let folder = Folder::new(&main, TENANT);
    folder.write("kreis.toml", TENANT);
    let expected = [
        "zahlstelle.toml:4: tenants.files[2]: is already the name of an earlier file",
        "kreis.toml:2: tenant.id: is already the name of an earlier Mandant",
        "kreis.toml:16: provider_account[0].name: is already the name of an earlier account",
    ];
    assert_eq!(folder.report(), expected);
}

#[test]
fn versions_that_overlap_are_told_at_the_later_one() {
    let versions = r#"version = [
  { valid_from = 2026-02-07, amount = "46.00", shares = [{ booking = { konto = "1" } }] },
  { valid_to = 2026-02-07, amount = "37.00", shares = [{ booking = { konto = "1" } }] },
]
"#;
    let right = r#"version = [{ amount = "15.00", shares = [{ booking = { produktkonto = "1" } }] }]"#;
    let report = report(&TENANT.replace(right, versions));
    assert_eq!(report, ["stadt.toml:15: fee[0].version[0]: overlap: versions 2 and 1 are valid on the same day"]);
}

#[test]
fn a_live_mandant_takes_nothing_that_is_for_tests() {
    let tenant = TENANT
        .replace("id = \"stadt\"\nenvironment = \"test\"", "id = \"stadt\"\nenvironment = \"live\"")
        .replace("key = \"urkunde\"", "key = \"urkunde\"\nexample = true")
        .replace("fees = [", "return_urls = [\"http://localhost/\"]\nfees = [");
    let expected = [
        "stadt.toml:13: fee[0].example: fee \"urkunde\" is marked as example, a live Mandant needs the real amount",
        "stadt.toml:19: provider_account[0].environment: must be the environment of the Mandant, test and live never mix",
        "stadt.toml:21: provider_account[0].api_key: must be { env = \"...\" } or { file = \"...\" }, only an account of a test Mandant may have it written here",
        "stadt.toml:22: provider_account[0].hmac_keys[0]: must be { env = \"...\" } or { file = \"...\" }, only an account of a test Mandant may have it written here",
        "stadt.toml:23: service[0].approval_chain: service \"portal\" has an empty approval chain, which only a test Mandant may have",
        "stadt.toml:27: service[0].return_urls[0]: must begin with https://, only a test Mandant may use http:// and only on this machine",
    ];
    assert_eq!(report(&tenant), expected);
}

#[test]
fn secrets_are_never_repeated_in_messages() {
    let secret = "sEcReT-nOt-HeX";
    for (right, wrong) in [
        ("\"key-in-the-settings\"", format!("\"{secret} with blank\"")),
        ("\"key-in-the-settings\"", format!("\"{secret}")),
        ("\"key-in-the-settings\"", secret.to_owned()),
        ("\"key-in-the-settings\"", format!("[\"{secret}\"]")),
        ("\"key-in-the-settings\"", format!("{{ env = \"MISSING\", file = \"{secret}\" }}")),
        ("\"00112233445566778899aabbccddeeff\"", format!("\"{secret}\"")),
    ] {
        let report = report(&TENANT.replace(right, &wrong));
        assert!(!report.is_empty(), "{wrong} was taken");
        assert!(!report.concat().contains(secret), "{report:#?}");
    }
}

#[test]
fn secrets_come_from_the_environment_or_from_files() {
    let tenant = TENANT
        .replace("\"key-in-the-settings\"", "{ env = \"ADYEN_KEY\" }")
        .replace("\"00112233445566778899aabbccddeeff\"", "{ file = \"hmac\" }");
    let folder = Folder::new(MAIN, &tenant);
    let expected = [
        "stadt.toml:20: provider_account[0].api_key.env: names the environment variable \"ADYEN_KEY\", which is not set",
        "stadt.toml:21: provider_account[0].hmac_keys[0].file: names a file that cannot be used: it cannot be read: no such file",
    ];
    assert_eq!(folder.report(), expected);
    folder.write("hmac", "00112233445566778899aabbccddeeff\n");
    let environ = |name: &str| (name == "ADYEN_KEY").then(|| "from-the-environment".to_owned());
    let loaded =
        crate::config::Config::load(&folder.path("zahlstelle.toml"), &environ).map(|config| config.tenants.len());
    assert_eq!(loaded, Ok(1));
    folder.write("hmac", &"0".repeat(5_000));
    assert_eq!(folder.report().len(), 2);
}

#[test]
fn files_that_cannot_be_read_do_not_hide_the_others() {
    let main = MAIN.replace("[\"stadt.toml\"]", "[\"missing.toml\", \"stadt.toml\"]");
    let folder = Folder::new(&main, &TENANT.replace("digits = 8", "digits = 0"));
    let expected =
        ["missing.toml: cannot be read: no such file", "stadt.toml:9: kassenzeichen[0].digits: must be from 1 to 18"];
    assert_eq!(folder.report(), expected);
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let expected = ["zahlstelle.toml:1: server.public_url: is missing", "zahlstelle.toml:1: tenants.files: is missing"];
    assert_eq!(Folder::new("", TENANT).report(), expected);
    let expected = [
        "stadt.toml:1: tenant.id: is missing",
        "stadt.toml:1: tenant.environment: is missing",
        "stadt.toml:1: authority.name: is missing",
        "stadt.toml:1: service: is missing",
    ];
    assert_eq!(report(""), expected);
}

#[test]
fn mistakes_of_the_main_file_are_told() {
    for (line, told) in [
        (
            "[server]\nlisten = \"localhost\"",
            "server.listen: must be an IP address with a port, such as \"127.0.0.1:8080\"",
        ),
        (
            "[server]\nlisten = \"0.0.0.0:8080\"",
            "server.listen: can be reached from other machines, and nothing would be encrypted: give [tls] a certificate, name the proxies that end TLS in trusted_proxies, or listen at 127.0.0.1",
        ),
        (
            "[server]\nlisten = \"[::]:8080\"\ntrusted_proxies = []",
            "server.listen: can be reached from other machines, and nothing would be encrypted: give [tls] a certificate, name the proxies that end TLS in trusted_proxies, or listen at 127.0.0.1",
        ),
        (
            "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
            "server.trusted_proxies[0]: must be an IP address or a network such as \"10.0.0.0/8\"",
        ),
        (
            "[server]\nhosts_extra = [\"https://intern.example/\"]",
            "server.hosts_extra[0]: must be a host, with its port if it is no usual one, such as \"zahlung.example.org:8443\"",
        ),
        ("[tls]\ncertificate = \"fullchain.pem\"", "tls.private_key: is missing"),
        ("[limits]\nreads_burst = 0", "limits.reads_burst: must be from 1 to 1000000"),
        (
            "[jobs]\nresolver_delays_seconds = [5, 1]",
            "jobs.resolver_delays_seconds[1]: must not be shorter than the delay before it",
        ),
        ("[jobs]\nresolver_delays_seconds = []", "jobs.resolver_delays_seconds: must have from 1 to 50 entries"),
        ("[database]\npath = \"file:x?mode=memory\"", "database.path: must be the path of a file, or \":memory:\""),
        (
            "[database]\npath = \"data/a.sqlite\"",
            "zahlstelle.toml:6: database.path: is in the folder data, which does not exist",
        ),
        ("[database]\npath = \"\"", "database.path: must be 1 to 1000 printable characters"),
        ("[databse]", "databse: is not a setting of main; did you mean \"database\"?"),
        (
            "[server]\nhtml = 1",
            "server.html: is not a setting of server; known are listen, public_url, hosts_extra, trusted_proxies, request_body_bytes_max, request_timeout_seconds, connections_max, connections_per_source_max, drain_seconds",
        ),
    ] {
        let main = match line.strip_prefix("[server]\n") {
            Some(setting) => MAIN.replace("[server]", &format!("[server]\n{setting}")),
            None => format!("{MAIN}{line}\n"),
        };
        let report = Folder::new(&main, TENANT).report();
        assert_eq!(report.len(), 1, "{report:#?}");
        assert!(report[0].ends_with(told), "{report:#?}");
    }
    for (url, right) in [
        ("https://zahlung.example.org/", true),
        ("http://127.0.0.1:8080", true),
        ("https://zahlung.example.org/pfad", false),
        ("https://user@zahlung.example.org", false),
        ("zahlung.example.org", false),
        ("ftp://zahlung.example.org", false),
    ] {
        let main = MAIN.replace("https://zahlung.example.org", url);
        assert_eq!(Folder::new(&main, TENANT).load().is_ok(), right, "{url}");
    }
}

#[test]
fn what_follows_from_a_broken_line_is_not_told() {
    for (right, wrong, lines) in [
        ("[tenant]", "[tenant", vec![1]),
        ("[authority]", "authority]", vec![4]),
        ("merchant_account = ", "merchant_account ", vec![19]),
        ("merchant_account = \"StadtECOM\"", "merchant_account =", vec![19]),
        ("[{ booking = { produktkonto = \"1\" } }] }]", "[{ booking = { produktkonto = \"1\" } }] }", vec![15]),
        ("digits = 8", "digits = 8\ndigits = 9", vec![10]),
        ("check_digit = \"mod11_10\"", "check_digit = mod11_10", vec![10]),
        ("digits = 8\ncheck_digit = \"mod11_10\"", "digits = 08\ncheck_digit = mod11_10", vec![9, 10]),
    ] {
        assert!(TENANT.contains(right), "{right} is not in the template");
        let report = report(&TENANT.replacen(right, wrong, 1));
        assert_eq!(report.len(), lines.len(), "{wrong}: {report:#?}");
        for (told, line) in report.iter().zip(lines) {
            assert!(told.starts_with(&format!("stadt.toml:{line}: is not TOML: ")), "{wrong}: {report:#?}");
        }
    }
}

#[test]
fn the_address_for_operators_stays_on_this_machine_unless_that_was_asked_for() {
    let with = |metrics: &str| Folder::new(&format!("{MAIN}[metrics]\n{metrics}\n"), TENANT);
    let listen = |metrics: &str| with(metrics).load().unwrap().metrics.listen.map(|address| address.to_string());
    assert_eq!(listen("listen = \"off\""), None);
    assert_eq!(listen("listen = \"[::1]:9464\""), Some("[::1]:9464".to_owned()));
    assert_eq!(listen("listen = \"10.1.2.3:9464\"\nbeyond_loopback = true"), Some("10.1.2.3:9464".to_owned()));
    for (wrong, told) in [("0.0.0.0:9464", "can be reached from other machines"), ("none", "must be an IP address")] {
        let report = with(&format!("listen = \"{wrong}\"")).report();
        assert!(report.len() == 1 && report[0].contains("metrics.listen: ") && report[0].contains(told), "{report:?}");
    }
}

#[test]
fn a_collector_of_traces_is_reached_safely_and_only_by_a_build_that_can() {
    let with = |tracing: &str| Folder::new(&format!("{MAIN}[tracing]\n{tracing}\n"), TENANT);
    assert_eq!(with("otlp_endpoint = \"off\"").load().unwrap().tracing.otlp_endpoint, None);
    assert_eq!(
        with("sample_one_in = 0").report(),
        ["zahlstelle.toml:6: tracing.sample_one_in: must be from 1 to 1000000"]
    );
    for (wrong, told) in [
        ("http://10.1.2.3:4318/v1/traces", "must begin with https://"),
        ("https://user:word@collector.example/v1/traces", "must be an absolute address"),
        ("collector.example:4318", "must be an absolute address"),
    ] {
        let report = with(&format!("otlp_endpoint = \"{wrong}\"")).report();
        assert!(report.len() == 1 && report[0].contains("tracing.otlp_endpoint: "), "{report:?}");
        assert!(report[0].contains(told), "{report:?}");
    }
    for right in ["http://127.0.0.1:4318/v1/traces", "https://collector.example/v1/traces"] {
        let folder = with(&format!("otlp_endpoint = \"{right}\""));
        if cfg!(feature = "otlp") {
            assert_eq!(folder.load().unwrap().tracing.otlp_endpoint.unwrap().as_str(), right);
        } else {
            let told = "tracing.otlp_endpoint: asks for what this build does not have: build it with `--features otlp`";
            let report = folder.report();
            assert!(report.len() == 1 && report[0].contains(told), "{report:?}");
        }
    }
}

#[test]
fn a_listener_is_encrypted_or_behind_proxies_or_on_this_machine() {
    let load = |setting: &str| Folder::new(&MAIN.replace("[server]", &format!("[server]\n{setting}")), TENANT).load();
    let proxies = |setting: &str| -> Vec<String> {
        load(setting).unwrap().server.trusted_proxies.iter().map(ToString::to_string).collect()
    };
    assert_eq!(proxies(""), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(proxies("trusted_proxies = []"), Vec::<String>::new());
    let named = "listen = \"0.0.0.0:8080\"\ntrusted_proxies = [\"10.1.2.3/8\", \"fd00::1\"]";
    assert_eq!(proxies(named), ["10.0.0.0/8", "fd00::1/128"]);
    let main = format!("{MAIN}[tls]\ncertificate = \"a.pem\"\nprivate_key = \"/etc/b.pem\"\n");
    let folder = Folder::new(&main.replace("[server]", "[server]\nlisten = \"0.0.0.0:443\""), TENANT);
    let config = folder.load().unwrap();
    assert!(config.server.trusted_proxies.is_empty());
    let tls = config.tls.unwrap();
    assert_eq!((tls.certificate, tls.private_key), (folder.path("a.pem"), "/etc/b.pem".into()));
}
