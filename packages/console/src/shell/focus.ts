/** On what shows one thing after another in the drawer: the focus stays there, and goes to the drawer when somebody says so. */
export const KEEPS_FOCUS = "data-keeps-focus";

export function focusDrawer(): void {
  document.querySelector<HTMLElement>(".drawer")?.focus();
}
