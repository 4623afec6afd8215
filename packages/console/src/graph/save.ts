/** The graph as a file: a picture of all of it, or its numbers. */
import type { Graph } from "@tulle/telemetry/insight";
import { saveFile } from "../ui/copy.tsx";
import { drawing } from "./draw.ts";
import { bounds } from "./geometry.ts";
import { currentPalette, toSvg } from "./pens.ts";
import type { Picture } from "./scene.ts";

export type GraphFile = "svg" | "png" | "json";

const MARGIN = 24;
/** Pixels of a PNG for each of the drawing. */
const SHARPNESS = 2;

export async function saveGraph(form: GraphFile, picture: Picture, graph: Graph): Promise<void> {
  if (form === "json") {
    saveFile("graph.json", `${JSON.stringify(graph, null, 2)}\n`, "application/json");
    return;
  }
  const inner = bounds([...picture.groups.values(), ...picture.boxes.values()]);
  const area = {
    x: inner.x - MARGIN,
    y: inner.y - MARGIN,
    width: inner.width + 2 * MARGIN,
    height: inner.height + 2 * MARGIN,
  };
  const svg = toSvg(drawing({ ...picture, view: undefined, scale: 1 }), area, currentPalette());
  if (form === "svg") {
    saveFile("graph.svg", svg, "image/svg+xml");
    return;
  }
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = area.width * SHARPNESS;
  canvas.height = area.height * SHARPNESS;
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  canvas.toBlob((blob) => {
    if (blob !== null) saveFile("graph.png", blob);
  });
}
