//! Pages for some, over connections that nobody else can read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::connection::Connections;
use super::protection::Protection;
use super::tests::{Answer, Server, answer, connect, shown, start};
use crate::config::{Clients, Tls, Web};

/// Of the password "secret", with the least cost there is.
fn users() -> Web {
    let hash = bcrypt::hash("secret", 4).unwrap();
    let headers = [("X-Frame-Options".to_owned(), "deny".to_owned())].into();
    Web { users: [("alice".to_owned(), hash)].into(), headers, tls: None }
}

fn ask_as(server: &Server, path: &str, authorization: &str) -> Answer {
    let mut stream = connect(server.address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{authorization}\r\n").unwrap();
    answer(stream)
}

#[test]
fn only_users_may_read() {
    let server = start(shown(), &Protection::of(&users()).unwrap(), Connections::of);
    let basic = |credentials: &str| {
        use base64::Engine as _;
        format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(credentials))
    };
    for (path, authorization, status) in [
        ("/metrics", basic("alice:secret"), 200),
        // Known again.
        ("/metrics", basic("alice:secret"), 200),
        ("/metrics", basic("alice:secret1"), 401),
        ("/metrics", basic("alice:"), 401),
        ("/metrics", basic("bob:secret"), 401),
        ("/metrics", basic("alice"), 401),
        ("/metrics", String::new(), 401),
        ("/metrics", "Authorization: Bearer secret\r\n".to_owned(), 401),
        ("/metrics", "Authorization: Basic %%%\r\n".to_owned(), 401),
        ("/nothing", String::new(), 401),
        ("/api/v1/queues", String::new(), 401),
        ("/healthz", String::new(), 200),
    ] {
        let answer = ask_as(&server, path, &authorization);
        assert_eq!(answer.status, status, "{path} {authorization}");
        assert!(answer.head.contains("x-frame-options: deny"), "{}", answer.head);
        assert_eq!(answer.head.contains("www-authenticate: basic"), status == 401, "{}", answer.head);
    }
}

struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Authority { certificate, issuer: Issuer::new(params, key) }
}

/// A certificate and its key, as PEM.
fn issued(by: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, &by.issuer).unwrap().pem(), key.serialize_pem())
}

fn ask_encrypted(server: &Server, trusted: &Authority, own: Option<&(String, String)>) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let name = ServerName::try_from("holdline.example").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, connect(server.address));
    let mut text = String::new();
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_to_string(&mut text)).map_err(|error| error.to_string())?;
    Ok(text)
}

#[test]
fn connections_are_encrypted_for_clients_that_are_trusted() {
    let (ours, others) = (authority(), authority());
    let (certificate, key) = issued(&ours, "holdline.example");
    let tls = Tls {
        certificates: certificate.into_bytes(),
        key: key.into_bytes(),
        clients: Clients::Verified(ours.certificate.pem().into_bytes()),
        allows_1_2: true,
        allows_1_3: true,
    };
    let web = Web { tls: Some(tls), ..Web::default() };
    let server = start(shown(), &Protection::of(&web).unwrap(), Connections::of);
    // Whoever greets without end keeps nobody waiting.
    let _silent = TcpStream::connect(server.address).unwrap();
    let mut garbage = TcpStream::connect(server.address).unwrap();
    garbage.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    garbage.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();

    let trusted = issued(&ours, "prometheus.example");
    let answered = ask_encrypted(&server, &ours, Some(&trusted)).unwrap();
    assert!(answered.starts_with("HTTP/1.1 200 OK\r\n") && answered.ends_with("ok\n"), "{answered}");
    assert!(ask_encrypted(&server, &ours, None).is_err(), "without a certificate");
    assert!(
        ask_encrypted(&server, &ours, Some(&issued(&others, "prometheus.example"))).is_err(),
        "of another authority"
    );
    assert!(ask_encrypted(&server, &others, Some(&trusted)).is_err(), "it is not whom the client trusts");
    let mut told = Vec::new();
    let _ = garbage.read_to_end(&mut told);
    assert!(!String::from_utf8_lossy(&told).contains("HTTP/1.1"), "nothing is told in the clear");
}

#[test]
fn certificates_and_passwords_change_while_pages_are_served() {
    let (old, new) = (authority(), authority());
    let web = |by: &Authority, users: Web| {
        let (certificate, key) = issued(by, "holdline.example");
        let (certificates, key) = (certificate.into_bytes(), key.into_bytes());
        let tls = Tls { certificates, key, clients: Clients::Unknown, allows_1_2: true, allows_1_3: true };
        Web { tls: Some(tls), ..users }
    };
    let protection = Protection::of(&web(&old, Web::default())).unwrap();
    let change = |web: &Web| protection.understood(web).map(|understood| protection.change(understood));
    let server = start(shown(), &protection, Connections::of);
    assert!(ask_encrypted(&server, &old, None).is_ok());

    change(&web(&new, Web::default())).unwrap();
    assert!(ask_encrypted(&server, &old, None).is_err());
    assert!(ask_encrypted(&server, &new, None).is_ok());
    // What cannot be used changes nothing.
    let mut unusable = web(&old, Web::default());
    unusable.tls.as_mut().unwrap().key.clear();
    assert!(change(&unusable).is_err());
    assert!(ask_encrypted(&server, &new, None).is_ok());

    change(&users()).unwrap();
    assert_eq!(ask_as(&server, "/metrics", "").status, 401);
    change(&Web::default()).unwrap();
    assert_eq!(ask_as(&server, "/metrics", "").status, 200);
}

#[test]
fn certificates_that_do_not_fit_are_refused() {
    let ours = authority();
    let (certificate, key) = issued(&ours, "a.example");
    let (_, other_key) = issued(&ours, "b.example");
    let tls = |certificates: &str, key: &str, clients| Tls {
        certificates: certificates.as_bytes().to_vec(),
        key: key.as_bytes().to_vec(),
        clients,
        allows_1_2: true,
        allows_1_3: true,
    };
    for (tls, words) in [
        (tls("", &key, Clients::Unknown), "cert_file holds no certificate"),
        (tls(&certificate, "", Clients::Unknown), "key_file holds no key"),
        (tls(&certificate, &other_key, Clients::Unknown), "do not go together"),
        (tls(&certificate, &key, Clients::Verified(Vec::new())), "client_ca_file holds no certificate"),
    ] {
        let complaint = super::secure::acceptor(&tls).err().unwrap();
        assert!(complaint.contains(words), "{complaint}");
    }
}
