export { startControlPlane } from "./control-plane.ts";
export type { ControlPlane, ControlPlaneOptions } from "./control-plane.ts";
