/** Who is logged in: a signed cookie, no state on the server. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const COOKIE = "session";
/** Replicas that share a user's sessions need the same secret. */
const secret = process.env["SESSION_SECRET"] ?? randomBytes(32);
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax";

/** A `set-cookie` value that logs the user in. */
export function openSession(user: string): string {
  const name = Buffer.from(user, "utf8").toString("base64url");
  return `${COOKIE}=${name}.${sign(name)}; ${ATTRIBUTES}`;
}

/** A `set-cookie` value that logs out. */
export const closedSession = `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;

/** The user whom a `cookie` header names; undefined if nobody is logged in or the signature is wrong. */
export function sessionUser(cookieHeader: string | undefined): string | undefined {
  for (const pair of (cookieHeader ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name !== COOKIE || value === undefined) continue;
    const [user = "", signature = ""] = value.split(".", 2);
    const expected = sign(user);
    if (sameText(signature, expected)) {
      return Buffer.from(user, "base64url").toString("utf8");
    }
  }
  return undefined;
}

function sign(value: string): string {
  return createHmac("sha256", secret).update(value).digest("base64url");
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
