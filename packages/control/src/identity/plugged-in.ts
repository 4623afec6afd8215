/**
 * An authority from files in the form of Istio's secret `cacerts`: ca-cert.pem signs with ca-key.pem, cert-chain.pem leads from it to
 * a root, root-cert.pem is what is trusted. (istio.io "Plug in CA Certificates"; istio/istio `security/pkg/pki/util/keycertbundle.go`)
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { objectionToKey, pemBlocks, toPem } from "@tulle/identity";
import type { Authority } from "./authority.ts";
import { authorityOf, isKeyOf } from "./authority.ts";
import { AuthorityError } from "./authority-file.ts";

const FILES = ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"] as const;
export type PluggedInFiles = Readonly<Record<(typeof FILES)[number], string>>;

/** Throws AuthorityError for a file that is not there or cannot be read. */
export async function readPluggedIn(folder: string): Promise<PluggedInFiles> {
  const texts: Record<string, string> = {};
  for (const name of FILES) {
    try {
      texts[name] = await readFile(join(folder, name), "utf8");
    } catch (error) {
      const why = error instanceof Error && "code" in error && error.code === "ENOENT" ? "is missing" : String(error);
      throw new AuthorityError(`${join(folder, name)} ${why}; a plugged-in authority has ${FILES.join(", ")}`, {
        cause: error,
      });
    }
  }
  return texts as PluggedInFiles;
}

/** Throws AuthorityError with the file and what is wrong with it, or with the two that do not fit. */
export function parsePluggedIn(folder: string, files: PluggedInFiles, now: number): Authority {
  const fail = (name: keyof PluggedInFiles, why: string, cause?: unknown): never => {
    throw new AuthorityError(`${join(folder, name)} ${why}`, { cause });
  };
  const certificates = (name: keyof PluggedInFiles): X509Certificate[] => {
    const found = pemBlocks("CERTIFICATE", files[name]).map((der) => {
      try {
        return new X509Certificate(der);
      } catch (error) {
        return fail(name, "has a certificate that cannot be read", error);
      }
    });
    if (found.length === 0) fail(name, "has no certificate: it must be PEM");
    for (const certificate of found) {
      const subject = nameOf(certificate);
      if (!certificate.ca) fail(name, `has the certificate ${subject}, which is not an authority's`);
      if (certificate.validToDate.getTime() <= now)
        fail(name, `has the certificate ${subject}, which expired on ${day(certificate.validToDate)}`);
      if (certificate.validFromDate.getTime() > now)
        fail(name, `has the certificate ${subject}, which is not valid before ${day(certificate.validFromDate)}`);
    }
    return found;
  };
  const [signer] = certificates("ca-cert.pem") as [X509Certificate];
  const roots = certificates("root-cert.pem");
  const between = certificates("cert-chain.pem");
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(files["ca-key.pem"]);
  } catch (error) {
    return fail("ca-key.pem", "is no private key in PEM, or one that is encrypted", error);
  }
  const objection = objectionToKey(privateKey);
  if (objection !== undefined) fail("ca-key.pem", `cannot sign: the key ${objection}`);
  if (!isKeyOf(signer, privateKey)) fail("ca-key.pem", `is not the key of ca-cert.pem (${nameOf(signer)})`);

  const path = [signer];
  for (let last = signer; !roots.some((root) => root.raw.equals(last.raw));) {
    const issuer = [...roots, ...between].find((one) => last.checkIssued(one) && last.verify(one.publicKey));
    if (issuer === undefined || path.includes(issuer)) {
      return fail(
        "cert-chain.pem",
        `does not lead from ca-cert.pem to a root of root-cert.pem: the issuer of ${nameOf(last)} is in neither`,
      );
    }
    path.push(issuer);
    last = issuer;
  }
  const root = path.at(-1)!;
  const others = roots.filter((one) => !one.raw.equals(root.raw));
  return authorityOf({ certificate: pem(signer), privateKey }, path.slice(1, -1).map(pem), [
    pem(root),
    ...others.map(pem),
  ]);
}

const pem = ({ raw }: X509Certificate): string => toPem("CERTIFICATE", raw);
const day = (date: Date): string => date.toISOString().slice(0, 10);

/** `O=cluster.local, CN=root`: Node.js puts each on a line of its own. */
function nameOf({ subject, serialNumber }: X509Certificate): string {
  // Of a certificate without subject Node.js gives undefined, whatever its types say.
  const text = subject as string | undefined;
  return text === undefined || text === "" ? `with serial ${serialNumber}` : text.split("\n").join(", ");
}
