import { Component } from "react";
import type { ReactNode } from "react";
import { Failure } from "../ui/basics.tsx";

/** A page that breaks says so, and the others go on. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <Failure what="this page" error={this.state.error} retry={() => this.setState({ error: undefined })} />;
  }
}
