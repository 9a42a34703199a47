/* Certificates for one test run: an authority of our own and what it signed, as PEM files in a temporary folder. */
#ifndef TESTS_NET_CERT_H
#define TESTS_NET_CERT_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/openssl.h"

struct cert {
    EVP_PKEY *key;
    X509 *x509;
};

struct cert_dir {
    char dir[64];
    char ca[96], cert[96], key[96];
};

static void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(x509, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

/* san: "DNS:localhost,IP:127.0.0.1"; NULL: an authority. issuer NULL: signed by itself. */
static UNUSED void cert_make(struct cert *c, const struct cert *issuer, const char *san, long days)
{
    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    assert_non_null(c->key);
    assert_non_null(c->x509);
    X509_set_version(c->x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c->x509), san ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(c->x509), -3600 * 24 * 10);
    X509_gmtime_adj(X509_getm_notAfter(c->x509), 3600 * 24 * days);
    X509_set_pubkey(c->x509, c->key);
    X509_NAME *name = X509_get_subject_name(c->x509);
    const unsigned char *cn = (const unsigned char *)(san ? "server" : "authority");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1, 0);
    X509 *signer = issuer ? issuer->x509 : c->x509;
    X509_set_issuer_name(c->x509, X509_get_subject_name(signer));
    cert_extend(c->x509, signer, NID_basic_constraints, san ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (san) {
        cert_extend(c->x509, signer, NID_subject_alt_name, san);
    }
    assert_true(X509_sign(c->x509, issuer ? issuer->key : c->key, EVP_sha256()) > 0);
}

static UNUSED void cert_done(struct cert *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->x509);
}

static void cert_write(const char *path, const struct cert *cert, const struct cert *key)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (cert) {
        assert_int_equal(PEM_write_X509(f, cert->x509), 1);
    }
    if (key) {
        assert_int_equal(PEM_write_PrivateKey(f, key->key, NULL, NULL, 0, NULL, NULL), 1);
    }
    fclose(f);
}

/* A folder with an authority (ca) and a server certificate for san (cert, key). */
static UNUSED void cert_dir_new(struct cert_dir *d, const char *san, long days)
{
    assert_ok(str_copy(d->dir, sizeof(d->dir), STR("/tmp/ringtrip-cert-XXXXXX")));
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->ca, sizeof(d->ca), "%s/ca.pem", d->dir);
    snprintf(d->cert, sizeof(d->cert), "%s/cert.pem", d->dir);
    snprintf(d->key, sizeof(d->key), "%s/key.pem", d->dir);
    struct cert ca, server;
    cert_make(&ca, NULL, NULL, 10);
    cert_make(&server, &ca, san, days);
    cert_write(d->ca, &ca, NULL);
    cert_write(d->cert, &server, NULL);
    cert_write(d->key, NULL, &server);
    cert_done(&ca);
    cert_done(&server);
}

static UNUSED void cert_dir_done(struct cert_dir *d)
{
    unlink(d->ca);
    unlink(d->cert);
    unlink(d->key);
    assert_int_equal(rmdir(d->dir), 0);
}

#endif
