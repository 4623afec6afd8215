export default function ConfigEdit(): null {
  return null;
}
