//! P-256 and AES-GCM from AWS-LC: assembly, several times faster at P-256, needs `std` and a C
//! compiler.
//!
//! AWS-LC frees private keys, key schedules and what it computes with through its own allocator,
//! which wipes everything it frees.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, ECDH_P256},
    digest::{Digest, SHA256},
    signature::{
        self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    },
};

use crate::crypto::{CryptoError, IV_LEN, PUBLIC_KEY_LEN, SIGNATURE_LEN, Secret, TAG_LEN};

pub(in crate::crypto) struct EcdhPrivate(agreement::PrivateKey);

impl EcdhPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        agreement::PrivateKey::from_private_key(&ECDH_P256, scalar.as_bytes())
            .map(Self)
            .map_err(|_| CryptoError::BadPrivateKey)
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        let public = self
            .0
            .compute_public_key()
            .map_err(|_| CryptoError::Backend)?;
        public.as_ref().try_into().map_err(|_| CryptoError::Backend)
    }

    pub(in crate::crypto) fn agree(&self, peer: &EcdhPublic) -> Result<Secret<32>, CryptoError> {
        // Cloning a parsed key counts a reference; only its 65 bytes are copied.
        agreement::agree(&self.0, peer.0.clone(), CryptoError::Backend, |x| {
            let x = x.try_into().map_err(|_| CryptoError::Backend)?;
            Ok(Secret::copy_of(x))
        })
    }
}

#[derive(Clone)]
pub(in crate::crypto) struct EcdhPublic(agreement::ParsedPublicKey);

impl EcdhPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        agreement::UnparsedPublicKey::new(&ECDH_P256, encoded)
            .try_into()
            .map(Self)
            .map_err(|_| CryptoError::BadPublicKey)
    }
}

pub(in crate::crypto) struct EcdsaPrivate(EcdsaKeyPair);

impl EcdsaPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        // AWS-LC wants the public half as well, which its ECDH side computes.
        let public = EcdhPrivate::from_scalar(scalar)?.public_key()?;
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.as_bytes(),
            &public,
        )
        .map(Self)
        .map_err(|_| CryptoError::BadPrivateKey)
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        self.0
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| CryptoError::Backend)
    }

    pub(in crate::crypto) fn sign(
        &self,
        digest: &[u8; 32],
    ) -> Result<[u8; SIGNATURE_LEN], CryptoError> {
        let signature = self
            .0
            .sign_digest(&import(digest)?)
            .map_err(|_| CryptoError::Backend)?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| CryptoError::Backend)
    }
}

#[derive(Clone)]
pub(in crate::crypto) struct EcdsaPublic(signature::ParsedPublicKey);

impl EcdsaPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        signature::ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, encoded)
            .map(Self)
            .map_err(|_| CryptoError::BadPublicKey)
    }

    pub(in crate::crypto) fn verify(
        &self,
        digest: &[u8; 32],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), CryptoError> {
        self.0
            .verify_digest_sig(&import(digest)?, signature)
            .map_err(|_| CryptoError::BadSignature)
    }
}

pub(in crate::crypto) fn gcm_seal(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; TAG_LEN], CryptoError> {
    let tag = gcm_key(key)?
        .seal_in_place_separate_tag(Nonce::from(iv), Aad::from(aad), in_out)
        .map_err(|_| CryptoError::TooLong)?;
    tag.as_ref().try_into().map_err(|_| CryptoError::Backend)
}

pub(in crate::crypto) fn gcm_open(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), CryptoError> {
    gcm_key(key)?
        .open_in_place_separate_tag(Nonce::from(iv), Aad::from(aad), tag, in_out)
        .map(|_| ())
        .map_err(|_| CryptoError::Unauthentic)
}

fn gcm_key(key: &Secret<32>) -> Result<LessSafeKey, CryptoError> {
    UnboundKey::new(&AES_256_GCM, key.as_bytes())
        .map(LessSafeKey::new)
        .map_err(|_| CryptoError::Backend)
}

fn import(digest: &[u8; 32]) -> Result<Digest, CryptoError> {
    Digest::import_less_safe(digest, &SHA256).map_err(|_| CryptoError::Backend)
}
