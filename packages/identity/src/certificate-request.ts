/** PKCS #10 (RFC 2986): a key and the proof that the sender has it. */
import type { KeyObject } from "node:crypto";
import { DerError, DerReader, readBits, readOid } from "./der/reader.ts";
import { TAG } from "./der/tags.ts";
import { bitString, explicit, integer, oid, sequence, setOf } from "./der/writer.ts";
import { alternativeNames, encodeName } from "./names.ts";
import { OID } from "./oids.ts";
import { objectionToKey, signatureWith, verifySignature } from "./signature.ts";

const { createPublicKey } = process.getBuiltinModule("node:crypto");

/** A request that no certificate is given for, whatever its sender may claim to be. The message says why. */
export class CertificateRequestError extends Error {
  override readonly name = "CertificateRequestError";
}

/** A request for `uri`, signed by `privateKey`; DER. The subject is empty, as the certificate's will be. */
export function makeCertificateRequest(uri: string, publicKey: KeyObject, privateKey: KeyObject): Buffer {
  const extensions = sequence(alternativeNames({ uris: [uri] }, true));
  const info = sequence(
    integer(0),
    encodeName({}),
    publicKey.export({ type: "spki", format: "der" }),
    explicit(0, sequence(oid(OID.extensionRequest), setOf(extensions))),
  );
  const signature = signatureWith(privateKey);
  return sequence(info, signature.algorithm, bitString(signature.sign(info)));
}

/**
 * The key of a request whose signature is right. What it asks to be called is not read: whoever issues a certificate knows whose it
 * is from elsewhere. Throws CertificateRequestError.
 */
export function keyOfCertificateRequest(der: Uint8Array): KeyObject {
  try {
    return readRequest(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new CertificateRequestError(`the certificate request is malformed: ${error.message}`, { cause: error });
  }
}

function readRequest(der: Uint8Array): KeyObject {
  const outer = new DerReader(der);
  const request = outer.enter(TAG.sequence, "the request");
  outer.end("the request");
  const signed = request.next(TAG.sequence, "its information");
  const algorithm = readOid(request.enter(TAG.sequence, "its algorithm").next(TAG.oid, "its algorithm"));
  const signature = readBits(request.next(TAG.bitString, "its signature"), "its signature");
  request.end("the signature");

  const info = new DerReader(signed.content);
  const version = info.next(TAG.integer, "its version").content;
  if (version.length !== 1 || version[0] !== 0) throw new DerError("its version is not 0");
  info.next(TAG.sequence, "its subject");
  const key = readKey(info.next(TAG.sequence, "its key").whole);
  const verified = verifySignature(algorithm, key, signed.whole, signature);
  if (verified === undefined) {
    throw new CertificateRequestError(
      `the request's signature is of the algorithm ${algorithm}, which is not accepted`,
    );
  }
  if (!verified) throw new CertificateRequestError("the request's signature is not by the key that it asks for");
  return key;
}

function readKey(spki: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (error) {
    throw new CertificateRequestError("the request's key cannot be read", { cause: error });
  }
  const objection = objectionToKey(key);
  if (objection !== undefined) throw new CertificateRequestError(`the request's key ${objection}`);
  return key;
}
