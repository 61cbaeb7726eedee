//! Encryption: libpq's `sslmode` and its files, with rustls.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use super::super::{AdapterError, AdapterErrorKind};
use super::{certificate, files};

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server insists.
    Allow,
    /// Encrypted if the server can.
    Prefer,
    /// Always encrypted; the server's certificate is checked if there is something to check it with.
    Require,
    /// The certificate has to be issued by a trusted authority.
    VerifyCa,
    /// And has to be for the host's name.
    VerifyFull,
}

impl TlsMode {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// How the connection is encrypted.
pub(super) struct TlsSettings {
    pub(super) mode: TlsMode,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    roots: Roots,
}

/// What the server's certificate is checked with.
enum Roots {
    /// Nothing: there is no such file.
    None(PathBuf),
    /// The certificates in a file.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}

fn invalid(message: impl Into<String>) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Settings, message)
}

impl TlsSettings {
    /// Reads the settings; `files` are certificate, key and root certificates. Without them, those in
    /// `~/.postgresql` are used if they exist.
    pub(super) fn read(
        mode: Option<&str>,
        files: [Option<PathBuf>; 3],
        env: &BTreeMap<String, String>,
    ) -> Result<Self, AdapterError> {
        let named =
            mode.map(|text| TlsMode::read(text).ok_or_else(|| invalid(format!("invalid sslmode value: \"{text}\""))));
        let named = named.transpose()?;
        let [certificate, key, root] = files;
        let folder = files::home(env).unwrap_or_default().join(".postgresql");
        let usual = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        let roots = match root {
            Some(path) if path == Path::new("system") => Roots::System,
            Some(path) => Roots::File(path),
            None => usual("root.crt").map_or_else(|| Roots::None(folder.join("root.crt")), Roots::File),
        };
        let mode = match (named, &roots) {
            (Some(mode), Roots::System) if mode != TlsMode::VerifyFull => {
                let message = format!(
                    "weak sslmode \"{}\" may not be used with sslrootcert=system (use \"verify-full\")",
                    mode_text(mode)
                );
                return Err(invalid(message));
            }
            (None, Roots::System) => TlsMode::VerifyFull,
            (mode, _) => mode.unwrap_or(TlsMode::Prefer),
        };
        let certificate = certificate.or_else(|| usual("postgresql.crt"));
        let key = key.or_else(|| usual("postgresql.key"));
        Ok(Self { mode, certificate, key, roots })
    }

    /// Makes what a connection needs to encrypt.
    pub(super) fn config(&self) -> Result<ClientConfig, AdapterError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        match &self.certificate {
            None => Ok(builder.with_no_client_auth()),
            Some(certificate) => {
                let (chain, key) = self.own_certificate(certificate)?;
                let made = builder.with_client_auth_cert(chain, key);
                made.map_err(|error| {
                    invalid(format!("could not use certificate file \"{}\": {error}", certificate.display()))
                })
            }
        }
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier, AdapterError> {
        let has_roots = !matches!(self.roots, Roots::None(_));
        let level = match self.mode {
            TlsMode::VerifyFull => Level::Name,
            TlsMode::VerifyCa => Level::Authority,
            TlsMode::Require if has_roots => Level::Authority,
            _ => Level::Nothing,
        };
        let mut verifier = Verifier { level, trusted: Vec::new(), chain: None, provider: Arc::clone(provider) };
        if level == Level::Nothing {
            return Ok(verifier);
        }
        verifier.trusted = match &self.roots {
            Roots::None(path) => {
                let message = format!(
                    "root certificate file \"{}\" does not exist\nEither provide the file, use the system's trusted \
                     roots with sslrootcert=system, or change sslmode to disable server certificate verification.",
                    path.display()
                );
                return Err(invalid(message));
            }
            Roots::File(path) => certificates(path)?,
            Roots::System => rustls_native_certs::load_native_certs().certs,
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(verifier.trusted.iter().cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
        verifier.chain = Some(chain.map_err(|error| invalid(format!("could not use the root certificates: {error}")))?);
        Ok(verifier)
    }

    fn own_certificate(
        &self,
        certificate: &Path,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AdapterError> {
        let chain = certificates(certificate)?;
        let key = self.key.as_ref().filter(|key| key.is_file()).ok_or_else(|| {
            invalid(format!("certificate present, but not private key file for \"{}\"", certificate.display()))
        })?;
        if files::is_open_to_others(key) {
            let message = format!(
                "private key file \"{}\" has group or world access; file must have permissions u=rw (0600) or less",
                key.display()
            );
            return Err(invalid(message));
        }
        let read = PrivateKeyDer::from_pem_file(key);
        let key =
            read.map_err(|error| invalid(format!("could not load private key file \"{}\": {error}", key.display())))?;
        Ok((chain, key))
    }
}

fn mode_text(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "disable",
        TlsMode::Allow => "allow",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AdapterError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid(format!("there is no certificate in \"{}\"", path.display()))),
        Err(error) => Err(invalid(format!("could not read certificate file \"{}\": {error}", path.display()))),
    }
}

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Nothing,
    Authority,
    Name,
}

/// Checks the server's certificate as far as `sslmode` wants it.
struct Verifier {
    level: Level,
    trusted: Vec<CertificateDer<'static>>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({:?})", self.level)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.trusted.contains(end_entity) {
            // Many servers have a certificate that vouches for itself, and it is what their users trust.
            certificate::check_time(end_entity, now)?;
        } else {
            match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                // The name is looked at after everything else was found to be right.
                Err(TlsError::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => {}
                checked => return checked,
            }
        }
        if self.level == Level::Name {
            certificate::check_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
