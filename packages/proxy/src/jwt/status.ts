/** What can be said of a token: Envoy `source/common/jwt/status.{h,cc}`, numbers and texts. */

export interface JwtStatus {
  /** As `failed_status_in_metadata` tells it. */
  readonly code: number;
  readonly text: string;
}

/** Those of Envoy's that requests can meet; what is wrong with one key of a set is never told. */
export const JWT_STATUS = {
  ok: { code: 0, text: "OK" },
  missed: { code: 1, text: "Jwt is missing" },
  notYetValid: { code: 2, text: "Jwt not yet valid" },
  expired: { code: 3, text: "Jwt is expired" },
  badFormat: { code: 4, text: "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections" },
  headerBadBase64: { code: 5, text: "Jwt header is an invalid Base64url encoded" },
  headerBadJson: { code: 6, text: "Jwt header is an invalid JSON" },
  headerBadAlg: { code: 7, text: "Jwt header [alg] field is required and must be a string" },
  headerNotImplementedAlg: { code: 8, text: "Jwt header [alg] is not supported" },
  headerBadKid: { code: 9, text: "Jwt header [kid] field is not a string" },
  payloadBadBase64: { code: 10, text: "Jwt payload is an invalid Base64url encoded" },
  payloadBadJson: { code: 11, text: "Jwt payload is an invalid JSON" },
  issNotString: { code: 12, text: "Jwt payload [iss] field is not a string" },
  subNotString: { code: 13, text: "Jwt payload [sub] field is not a string" },
  iatNotInteger: { code: 14, text: "Jwt payload [iat] field is not an integer" },
  iatOutOfRange: { code: 15, text: "Jwt payload [iat] field is not a positive 64 bit integer" },
  nbfNotInteger: { code: 16, text: "Jwt payload [nbf] field is not an integer" },
  nbfOutOfRange: { code: 17, text: "Jwt payload [nbf] field is not a positive 64 bit integer" },
  expNotInteger: { code: 18, text: "Jwt payload [exp] field is not an integer" },
  expOutOfRange: { code: 19, text: "Jwt payload [exp] field is not a positive 64 bit integer" },
  jtiNotString: { code: 20, text: "Jwt payload [jti] field is not a string" },
  audNotString: { code: 21, text: "Jwt payload [aud] field is not a string or string list" },
  signatureBadBase64: { code: 22, text: "Jwt signature is an invalid Base64url encoded" },
  ed25519WrongLength: { code: 23, text: "Jwt ED25519 signature is wrong length" },
  unknownIssuer: { code: 24, text: "Jwt issuer is not configured" },
  audienceNotAllowed: { code: 25, text: "Audiences in Jwt are not allowed" },
  verificationFail: { code: 26, text: "Jwt verification fails" },
  jwksNoValidKeys: { code: 31, text: "Jwks doesn't have any valid public key" },
  jwksKidAlgMismatch: { code: 32, text: "Jwks doesn't have key to match kid or alg from Jwt" },
  jwksFetchFail: { code: 39, text: "Jwks remote fetch is failed" },
} as const satisfies Readonly<Record<string, JwtStatus>>;
