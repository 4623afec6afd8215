/** What the drawer can show, by the word in the address. */
import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";
import { ObjectDetails } from "../config/object-details.tsx";
import { CallEntity, ServiceEntity, WorkloadEntity } from "../insight/entity-details.tsx";

type Entity = ComponentType<{ readonly id: string }>;

export interface EntityKind {
  readonly name: string;
  readonly component: Entity | LazyExoticComponent<Entity>;
}

export const ENTITIES: Readonly<Record<string, EntityKind>> = {
  object: { name: "Object", component: ObjectDetails },
  service: { name: "Service", component: ServiceEntity },
  workload: { name: "Workload", component: WorkloadEntity },
  call: { name: "Call", component: CallEntity },
  mirror: { name: "Copies to", component: lazy(() => import("../traffic/copies.tsx")) },
  request: { name: "Request", component: lazy(() => import("../requests/request-details.tsx")) },
};
