import { SecretSet } from "../../src/xds/secret-set.ts";

/** Knows no secret, and nobody to ask. */
export const NO_SECRETS = new SecretSet({
  subscriber: { watchSecret() {}, unwatchSecret() {} },
  noteSource() {},
  checkCluster() {},
  files: { watch() {}, forget() {} },
});
