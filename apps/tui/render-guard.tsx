/** A fault while drawing ends the console with a code, never with a stack on the screen. */
import { Component, type ReactNode } from 'react';

export class RenderGuard extends Component<
  { readonly onFault: (error: unknown) => void; readonly children: ReactNode },
  { failed: boolean }
> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onFault(error);
  }

  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}
