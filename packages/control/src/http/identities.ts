/** The certificate authority, join tokens and root rotation. What changes them is served to this machine's user only. */
import { X509Certificate } from "node:crypto";
import { isIdSegment } from "@tulle/identity";
import { fingerprintOf } from "../identity/authority.ts";
import type { Identities } from "../identity/identity.ts";
import type { JoinToken } from "../identity/join-tokens.ts";
import { ROTATION_STEPS } from "../identity/rotation.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";

function identitiesOf({ identities }: ApiContext): Identities {
  if (identities === undefined) throw new HttpError(404, "this control plane gives nobody an identity");
  return identities;
}

function administered(context: ApiContext, { local }: ApiRequest): Identities {
  if (local) return identitiesOf(context);
  throw new HttpError(403, "this is served over the control plane's socket only, to the user that it runs as");
}

function authority(context: ApiContext): ApiAnswer {
  const { authority, ledger } = identitiesOf(context);
  const { roots, chain } = authority.current;
  const leaves = ledger.current();
  return {
    json: {
      kind: authority.own === undefined ? "plugged in" : "own",
      roots: roots.map((pem, index) => ({
        ...describe(pem),
        signs: index === 0,
        certificates: leaves.filter(({ root }) => root === fingerprintOf(pem)).length,
      })),
      chain: chain.map(describe),
      bundle: authority.bundle,
    },
  };
}

function describe(pem: string): object {
  const { subject, validFromDate, validToDate, fingerprint256 } = new X509Certificate(pem);
  return {
    id: fingerprintOf(pem),
    subject: subject.split("\n").join(", "),
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    sha256: fingerprint256,
  };
}

function rotation(context: ApiContext): ApiAnswer {
  return { json: identitiesOf(context).rotation() };
}

/** `step` says which one is meant, so that two who rotate at once do not take two steps. */
async function rotate(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const identities = administered(context, request);
  const { step, force } = await bodyOf(request);
  const { next, cutOff } = identities.rotation();
  if (next === undefined) throw new HttpError(409, "the authority is plugged in: replace its files, and it is rotated");
  if (step !== next) throw new HttpError(409, `the next step is ${next}, of ${ROTATION_STEPS.join(", ")}`);
  if (cutOff.length > 0 && force !== true) throw new HttpError(409, `${next} would cut off ${cutOff.length} workloads`);
  return { json: await identities.rotate() };
}

const shown = ({ createdAt, expiresAt, revokedAt, ...token }: JoinToken): object => ({
  ...token,
  createdAt: new Date(createdAt).toISOString(),
  expiresAt: new Date(expiresAt).toISOString(),
  ...(revokedAt === undefined ? {} : { revokedAt: new Date(revokedAt).toISOString() }),
});

const MAX_TOKEN_SECONDS = 365 * 86_400;

async function createToken(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const { tokens } = administered(context, request);
  const { namespace, serviceAccount, lifetimeSeconds } = await bodyOf(request);
  if (
    typeof namespace !== "string" ||
    typeof serviceAccount !== "string" ||
    !isIdSegment(namespace) ||
    !isIdSegment(serviceAccount)
  ) {
    throw new HttpError(400, "namespace and serviceAccount must be names that can be part of a SPIFFE id");
  }
  if (typeof lifetimeSeconds !== "number" || !(lifetimeSeconds >= 1 && lifetimeSeconds <= MAX_TOKEN_SECONDS)) {
    throw new HttpError(400, `lifetimeSeconds must be a number from 1 to ${MAX_TOKEN_SECONDS}`);
  }
  const { token, ...rest } = await tokens.create({ namespace, serviceAccount }, lifetimeSeconds * 1000);
  return { status: 201, json: { ...shown(rest), token } };
}

function listTokens(context: ApiContext, request: ApiRequest): ApiAnswer {
  return { json: { items: administered(context, request).tokens.list().map(shown) } };
}

async function revokeToken(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const { tokens, ledger } = administered(context, request);
  const id = request.path[3]!;
  const token = await tokens.revoke(id);
  if (token === undefined) throw new HttpError(404, `there is no token ${id}`);
  const holders = ledger.current().filter((leaf) => leaf.token === id);
  return {
    json: {
      ...shown(token),
      holders: holders.map(({ identity, node, notAfter }) => ({
        identity,
        node,
        until: new Date(notAfter).toISOString(),
      })),
    },
  };
}

async function bodyOf(request: ApiRequest): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value = JSON.parse(await request.body()) as unknown;
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HttpError(400, "the body must be a JSON object");
}

export const identityHandlers = { authority, rotation, rotate, createToken, listTokens, revokeToken };
