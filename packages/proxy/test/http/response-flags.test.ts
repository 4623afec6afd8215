import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { longFlags, shortFlags, withFlag } from "../../src/http/response-flags.ts";

describe("response flags", () => {
  it("keep the order in which they were set, each once", () => {
    let flags = 0;
    for (const flag of ["DI", "URX", "UF", "DI"] as const) flags = withFlag(flags, flag);
    assert.equal(shortFlags(flags), "DI,URX,UF");
    assert.equal(longFlags(flags), "DelayInjected,UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
  });

  it("are a dash where there are none", () => {
    assert.equal(shortFlags(withFlag(0, "")), "-");
    assert.equal(longFlags(0), "-");
  });

  it("fit a small integer, the highest numbers included", () => {
    let flags = 0;
    for (const flag of ["UDO", "DR", "DO", "DF", "OM", "NC"] as const) flags = withFlag(flags, flag);
    assert.equal(shortFlags(flags), "UDO,DR,DO,DF,OM,NC");
    assert.equal(flags, flags | 0);
    assert.ok(flags > 0);
    assert.equal(withFlag(flags, "UH"), flags, "a seventh is left out");
  });
});
