/** What the drawer can show, by the word in the address. */
import type { ComponentType } from "react";
import { ObjectDetails } from "../config/object-details.tsx";

export interface EntityKind {
  readonly name: string;
  readonly component: ComponentType<{ readonly id: string }>;
}

export const ENTITIES: Readonly<Record<string, EntityKind>> = {
  object: { name: "Object", component: ObjectDetails },
};
