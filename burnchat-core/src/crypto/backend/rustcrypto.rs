//! P-256 and AES-GCM from RustCrypto: pure Rust, `no_std`.
//!
//! AES and carry-less multiplication use the processor's instructions where it has them, found out
//! at run time. Keys and key schedules are wiped; intermediate points and scalars of the curve
//! arithmetic, and the nonce of a signature, are left on the stack to be overwritten.

use alloc::boxed::Box;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use p256::{
    NonZeroScalar, PublicKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::hazmat::{PrehashSigner, PrehashVerifier},
    },
    elliptic_curve::sec1::ToSec1Point,
};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, IV_LEN, PUBLIC_KEY_LEN, SIGNATURE_LEN, Secret, TAG_LEN};

pub(in crate::crypto) struct EcdhPrivate(Box<Zeroizing<NonZeroScalar>>);

impl EcdhPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        NonZeroScalar::from_repr((*scalar.as_bytes()).into())
            .into_option()
            .map(|scalar| Self(Box::new(Zeroizing::new(scalar))))
            .ok_or(CryptoError::BadPrivateKey)
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        encode(&PublicKey::from_secret_scalar(&self.0))
    }

    pub(in crate::crypto) fn agree(&self, peer: &EcdhPublic) -> Result<Secret<32>, CryptoError> {
        let shared = p256::ecdh::diffie_hellman(&**self.0, peer.0.as_affine());
        Secret::try_fill_with(|x| {
            *x = (*shared.raw_secret_bytes()).into();
            Ok(())
        })
    }
}

#[derive(Clone)]
pub(in crate::crypto) struct EcdhPublic(PublicKey);

impl EcdhPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        PublicKey::from_sec1_bytes(encoded)
            .map(Self)
            .map_err(|_| CryptoError::BadPublicKey)
    }
}

pub(in crate::crypto) struct EcdsaPrivate(Box<SigningKey>);

impl EcdsaPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        SigningKey::from_bytes(scalar.as_bytes().into())
            .map(|key| Self(Box::new(key)))
            .map_err(|_| CryptoError::BadPrivateKey)
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        encode(&self.0.verifying_key().into())
    }

    pub(in crate::crypto) fn sign(
        &self,
        digest: &[u8; 32],
    ) -> Result<[u8; SIGNATURE_LEN], CryptoError> {
        let signature: Signature = self
            .0
            .sign_prehash(digest)
            .map_err(|_| CryptoError::Backend)?;
        Ok(signature.to_bytes().into())
    }
}

#[derive(Clone)]
pub(in crate::crypto) struct EcdsaPublic(VerifyingKey);

impl EcdsaPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        VerifyingKey::from_sec1_bytes(encoded)
            .map(Self)
            .map_err(|_| CryptoError::BadPublicKey)
    }

    pub(in crate::crypto) fn verify(
        &self,
        digest: &[u8; 32],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), CryptoError> {
        // Refuses zero and unreduced r and s.
        Signature::from_bytes(signature.into())
            .and_then(|signature| self.0.verify_prehash(digest, &signature))
            .map_err(|_| CryptoError::BadSignature)
    }
}

pub(in crate::crypto) fn gcm_seal(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; TAG_LEN], CryptoError> {
    Aes256Gcm::new(key.as_bytes().into())
        .encrypt_inout_detached(iv.into(), aad, in_out.into())
        .map(Into::into)
        .map_err(|_| CryptoError::TooLong)
}

pub(in crate::crypto) fn gcm_open(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), CryptoError> {
    Aes256Gcm::new(key.as_bytes().into())
        .decrypt_inout_detached(iv.into(), aad, in_out.into(), tag.into())
        .map_err(|_| CryptoError::Unauthentic)
}

fn encode(public: &PublicKey) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
    public
        .to_sec1_point(false)
        .as_bytes()
        .try_into()
        .map_err(|_| CryptoError::Backend)
}
