import { Component, type ComponentChildren, render } from 'preact'
import { App, Broken } from './app.tsx'
import { lookWhoItIs } from './session.ts'

class Catch extends Component<{ children: ComponentChildren }, { isBroken: boolean }> {
  override state = { isBroken: false }

  static override getDerivedStateFromError() {
    return { isBroken: true }
  }

  override componentDidCatch(error: unknown) {
    console.error('a screen broke', error)
  }

  override render() {
    return this.state.isBroken ? <Broken /> : this.props.children
  }
}

const root = document.getElementById('app')
if (root) {
  root.replaceChildren()
  render(
    <Catch>
      <App />
    </Catch>,
    root,
  )
  void lookWhoItIs()
}
