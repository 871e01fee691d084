import { render } from 'preact'

const root = document.getElementById('app')
if (root) render(<h1>Admit One</h1>, root)
