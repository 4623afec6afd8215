/** Rules about one object that its schema cannot say, by kind. */
import type { KubeObject } from "../kinds/kubernetes/metadata.ts";
import type { Report } from "../schema/check.ts";

/** Reports what is wrong with an object that passed its schema. */
export function validate(_object: KubeObject, _report: Report): void {}
