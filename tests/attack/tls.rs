//! What connects over TLS and what does not, asked by OpenSSL's client, and peers that stop in the middle of a handshake.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

use crate::{
    certificate::Certificate,
    service::Service,
    wire::{connect, read_to_end},
};

/// How many peers stop half way at a time, fewer than one source may have.
const PEERS: usize = 24;

/// What OpenSSL's client says about a handshake with these options.
fn shake_hands(service: &Service, options: &[&str]) -> Option<String> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &service.address.to_string(), "-servername", "localhost"])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let agreed = text.lines().any(|line| line.contains("Cipher is") && !line.contains("(NONE)"));
    agreed.then_some(text)
}

#[test]
fn only_the_chosen_versions_and_suites_connect() {
    let service = Service::with_tls(&Certificate::new(&PKCS_ECDSA_P256_SHA256), "");
    let connects: &[&[&str]] = &[
        &["-tls1_3"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ];
    for options in connects {
        assert!(shake_hands(&service, options).is_some(), "{options:?}");
    }
    // SECLEVEL=0 lets OpenSSL's own client try what it would not offer by itself.
    let refused: &[&[&str]] = &[
        &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "DHE:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"],
    ];
    for options in refused {
        assert!(shake_hands(&service, options).is_none(), "{options:?}");
    }
    // Neither a protocol that is not spoken nor compression nor a renegotiation.
    let told = shake_hands(&service, &["-tls1_2", "-alpn", "h2,http/1.1"]).unwrap();
    assert!(told.contains("ALPN protocol: h2"), "{told}");
    assert!(told.contains("Secure Renegotiation IS supported") && told.contains("Compression: NONE"), "{told}");
    assert!(shake_hands(&service, &["-alpn", "spdy/3"]).is_none_or(|told| told.contains("No ALPN negotiated")));
}

#[test]
fn a_key_of_rsa_connects_by_ecdhe_only() {
    let service = Service::with_tls(&Certificate::new(&PKCS_RSA_SHA256), "");
    assert!(shake_hands(&service, &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"]).is_some());
    assert!(shake_hands(&service, &["-tls1_2", "-cipher", "AES256-GCM-SHA384:@SECLEVEL=0"]).is_none());
    assert!(shake_hands(&service, &["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"]).is_none());
}

#[test]
fn handshakes_that_stop_half_way_are_cut_off_and_others_are_served() {
    let service = Service::with_tls(&Certificate::new(&PKCS_ECDSA_P256_SHA256), "");
    // The head of a hello that announces more than it sends.
    let mut half = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    half.extend([0; 32]);
    let mut peers: Vec<_> = (0..PEERS).map(|_| connect(service.address)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.write_all(if number % 2 == 0 { &half } else { &half[..3] }).unwrap();
    }
    service.attacked(|| {
        for peer in &mut peers {
            read_to_end(peer);
        }
    });
    service.until("each is counted", |service| {
        service.counted("zahlstelle_connections_cut_total", "handshake_timeout") >= u64::try_from(PEERS).unwrap()
    });
    // Plain HTTP, and noise, where TLS is spoken.
    service.attacked(|| {
        for noise in [&b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..], &[0; 600], b"\x16\x03\x01\xff\xff"] {
            let mut peer = connect(service.address);
            peer.write_all(noise).unwrap();
            let taken = read_to_end(&mut peer);
            assert!(!taken.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&taken));
        }
    });
}

#[test]
fn a_certificate_is_changed_without_a_restart_and_a_broken_one_is_not_taken() {
    let service = Service::with_tls(&Certificate::new(&PKCS_ECDSA_P256_SHA256), "");
    let shown = || {
        let told = shake_hands(&service, &["-tls1_3", "-showcerts"]).unwrap();
        let begin = told.find("-----BEGIN CERTIFICATE-----").unwrap();
        told[begin..].split("-----END").next().unwrap().to_owned()
    };
    let first = shown();
    fs::write(service.folder().join("chain.pem"), "no certificate\n").unwrap();
    service.hang_up();
    service.until("it is told", |service| service.counted("zahlstelle_certificates_reloaded_total", "refused") >= 1);
    assert_eq!(shown(), first, "the old one is kept");
    Certificate::new(&PKCS_ECDSA_P256_SHA256).write(service.folder());
    service.hang_up();
    service.until("the new one is shown", |_| shown() != first);
}
