//! The web configuration: certificates, clients' certificates, passwords and headers, in the file format of Prometheus'
//! exporter toolkit, so that operators can use the files that they have, and `promtool check web-config` checks them.
//!
//! What of that format makes no sense here is refused rather than passed over: it was written for safety's sake. Relative
//! paths are taken from the folder of the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// How pages are protected. Holds what is in the files, so that all of it is of one moment.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Web {
    /// Certificates; none if pages are told in the clear.
    pub tls: Option<Tls>,
    /// Hashes of passwords by bcrypt, by user; if there are none, anybody may read.
    pub users: BTreeMap<String, String>,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
}

/// What connections are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate and those between it and the root, as PEM.
    pub certificates: Vec<u8>,
    /// Its key, as PEM.
    pub key: Vec<u8>,
    /// Whether clients show certificates.
    pub clients: Clients,
    /// Whether TLS 1.2 is spoken.
    pub allows_1_2: bool,
    /// Whether TLS 1.3 is spoken.
    pub allows_1_3: bool,
}

/// Whether clients show certificates, and whose are trusted: certificates of authorities, as PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clients {
    /// They are not asked for any.
    Unknown,
    /// Who shows one has to show one that is trusted.
    VerifiedIfGiven(Vec<u8>),
    /// They have to show one that is trusted.
    Verified(Vec<u8>),
}

/// Keys and hashes are never told.
impl std::fmt::Debug for Web {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let users: Vec<&String> = self.users.keys().collect();
        formatter.debug_struct("Web").field("tls", &self.tls.is_some()).field("users", &users).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("clients", &self.clients).finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileTyped {
    tls_server_config: Option<TlsTyped>,
    http_server_config: HttpTyped,
    basic_auth_users: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsTyped {
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    cert: Option<String>,
    key: Option<String>,
    client_auth_type: Option<String>,
    client_ca_file: Option<PathBuf>,
    client_ca: Option<String>,
    client_allowed_sans: Vec<String>,
    min_version: Option<String>,
    max_version: Option<String>,
    cipher_suites: Vec<String>,
    prefer_server_cipher_suites: Option<bool>,
    curve_preferences: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HttpTyped {
    /// Whether HTTP/2 may be spoken: it is not, which is allowed either way.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: BTreeMap<String, String>,
}

/// Headers that the format knows.
const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
];

/// Reads the file and those it names.
///
/// # Errors
/// The first thing that is wrong with it, in words that go after the name of the file.
pub fn load(path: &Path) -> Result<Web, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    // Lines around a mistake may hold passwords' hashes, or a key.
    let options = serde_saphyr::options! { with_snippet: false };
    let typed: Option<FileTyped> =
        serde_saphyr::from_str_with_options(&text, options).map_err(|error| error.to_string())?;
    let typed = typed.unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let tls = typed.tls_server_config.map(|typed| tls(typed, folder)).transpose()?;
    for (user, hash) in &typed.basic_auth_users {
        if user.is_empty() || user.contains(':') {
            return Err(format!("basic_auth_users: {user:?} is no name of a user"));
        }
        if hash.parse::<bcrypt::HashParts>().is_err() {
            return Err(format!(
                "basic_auth_users.{user}: is no hash by bcrypt: make one with htpasswd -nBC 10 {user}"
            ));
        }
    }
    for name in typed.http_server_config.headers.keys() {
        if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(format!("http_server_config.headers: {name} cannot be set: known are {}", HEADERS.join(", ")));
        }
    }
    for (name, value) in &typed.http_server_config.headers {
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return Err(format!("http_server_config.headers.{name}: holds a line end or another control character"));
        }
    }
    Ok(Web { tls, users: typed.basic_auth_users, headers: typed.http_server_config.headers })
}

fn tls(typed: TlsTyped, folder: &Path) -> Result<Tls, String> {
    let unsupported = [
        ("client_allowed_sans", !typed.client_allowed_sans.is_empty()),
        ("cipher_suites", !typed.cipher_suites.is_empty()),
        ("curve_preferences", !typed.curve_preferences.is_empty()),
        ("prefer_server_cipher_suites", typed.prefer_server_cipher_suites == Some(false)),
    ];
    if let Some((key, _)) = unsupported.iter().find(|(_, is_set)| *is_set) {
        return Err(format!(
            "tls_server_config.{key}: cannot be chosen here, where only safe ones are spoken: leave it out"
        ));
    }
    let content = |key: &str, given: Option<String>, file: Option<PathBuf>| match (given, file) {
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, Some(file)) => {
            let file = folder.join(file);
            let read = fs::read(&file);
            read.map(Some).map_err(|error| format!("tls_server_config.{key}_file: {}: {error}", file.display()))
        }
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("tls_server_config: both {key} and {key}_file are given: leave one out")),
    };
    let certificates = content("cert", typed.cert, typed.cert_file)?;
    let key = content("key", typed.key, typed.key_file)?;
    let authorities = content("client_ca", typed.client_ca, typed.client_ca_file)?;
    let (Some(certificates), Some(key)) = (certificates, key) else {
        return Err("tls_server_config: cert_file and key_file have to be there, both".to_owned());
    };
    let trusted = authorities.ok_or("tls_server_config: client_ca_file is missing: say whose certificates are trusted");
    let clients = match typed.client_auth_type.as_deref() {
        None | Some("" | "NoClientCert") if trusted.is_ok() => {
            return Err("tls_server_config: client_ca_file trusts nobody without client_auth_type: take \
                        RequireAndVerifyClientCert"
                .to_owned());
        }
        None | Some("" | "NoClientCert") => Clients::Unknown,
        Some("VerifyClientCertIfGiven") => Clients::VerifiedIfGiven(trusted?),
        Some("RequireAndVerifyClientCert") => Clients::Verified(trusted?),
        Some(kind @ ("RequestClientCert" | "RequireAnyClientCert")) => {
            return Err(format!(
                "tls_server_config.client_auth_type: {kind} trusts any certificate: take RequireAndVerifyClientCert"
            ));
        }
        Some(kind) => return Err(format!("tls_server_config.client_auth_type: {kind:?} is none")),
    };
    let version = |key: &str, version: Option<&str>, usual: u8| match version {
        None => Ok(usual),
        Some("TLS10") => Ok(0),
        Some("TLS11") => Ok(1),
        Some("TLS12") => Ok(2),
        Some("TLS13") => Ok(3),
        Some(other) => Err(format!("tls_server_config.{key}: {other:?} is none of TLS10, TLS11, TLS12, TLS13")),
    };
    let least = version("min_version", typed.min_version.as_deref(), 2)?;
    let most = version("max_version", typed.max_version.as_deref(), 3)?;
    if most < 2 || most < least {
        return Err("tls_server_config: no version is left: TLS12 and TLS13 are spoken here".to_owned());
    }
    let allows = |version| (least..=most).contains(&version);
    Ok(Tls { certificates, key, clients, allows_1_2: allows(2), allows_1_3: allows(3) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file of this text, beside which "cert.pem", "key.pem" and "ca.pem" are.
    fn loaded(text: &str) -> Result<Web, String> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cert.pem", "key.pem", "ca.pem"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let path = folder.path().join("web.yml");
        fs::write(&path, text).unwrap();
        load(&path)
    }

    const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

    #[test]
    fn files_of_the_toolkit_are_read() {
        assert_eq!(loaded("").unwrap(), Web::default());
        let text = format!(
            "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: RequireAndVerifyClientCert\n  \
             client_ca_file: ca.pem\n  min_version: TLS13\nhttp_server_config:\n  http2: true\n  headers:\n    \
             X-Frame-Options: deny\nbasic_auth_users:\n  alice: {HASH}\n"
        );
        let expected = Web {
            tls: Some(Tls {
                certificates: b"cert.pem".to_vec(),
                key: b"key.pem".to_vec(),
                clients: Clients::Verified(b"ca.pem".to_vec()),
                allows_1_2: false,
                allows_1_3: true,
            }),
            users: [("alice".to_owned(), HASH.to_owned())].into(),
            headers: [("X-Frame-Options".to_owned(), "deny".to_owned())].into(),
        };
        assert_eq!(loaded(&text).unwrap(), expected);
        assert!(!format!("{expected:?}").contains("$2y$"));
    }

    #[test]
    fn what_would_protect_less_than_it_says_is_refused() {
        let tls = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";
        for (text, words) in [
            ("tls_server_confg: {}", "tls_server_confg"),
            ("tls_server_config:\n  cert_file: cert.pem\n", "both"),
            ("tls_server_config:\n  cert_file: none.pem\n  key_file: key.pem\n", "none.pem"),
            (&format!("{tls}  client_auth_type: RequireAndVerifyClientCert\n"), "client_ca_file is missing"),
            (&format!("{tls}  client_ca_file: ca.pem\n"), "trusts nobody without client_auth_type"),
            (&format!("{tls}  client_ca_file: ca.pem\n  client_auth_type: NoClientCert\n"), "trusts nobody"),
            ("http_server_config:\n  headers:\n    X-Frame-Options: |\n      deny\n", "line end"),
            (&format!("{tls}  client_auth_type: RequireAnyClientCert\n"), "trusts any"),
            (&format!("{tls}  client_auth_type: Sometimes\n"), "is none"),
            (&format!("{tls}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"), "leave it out"),
            (&format!("{tls}  client_allowed_sans: [a]\n"), "leave it out"),
            (&format!("{tls}  max_version: TLS11\n"), "no version is left"),
            (&format!("{tls}  min_version: SSL3\n"), "is none of"),
            ("basic_auth_users:\n  alice: secret\n", "htpasswd"),
            ("http_server_config:\n  headers:\n    Server: x\n", "cannot be set"),
            ("basic_auth_users: [", ""),
        ] {
            let complaint = loaded(text).unwrap_err();
            assert!(complaint.contains(words), "{text}: {complaint}");
        }
    }

    #[test]
    fn a_complaint_shows_nothing_of_what_is_secret() {
        let users = "basic_auth_users:\n  alice: $2y$10$abcdefghijklmnopqrstuu\n  bob: $2y$10$abcdefghijklmnopqrstuu\n";
        let complaint = loaded(&format!("{users}basic_auth_user: {{}}\n")).unwrap_err();
        assert!(complaint.contains("basic_auth_user") && !complaint.contains("$2y$"), "{complaint}");
    }
}
