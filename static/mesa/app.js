// The app page: opens the keys of this profile, joins elements and peer, and takes its place among the windows.

import "./elements/all.js"
import { startApp } from "./elements/app-page.js"

await startApp()
