import { useEvent } from '../event.ts'
import { Heading } from '../parts/heading.tsx'
import { words } from '../words/language.ts'

/** The doors as they are now. */
export default function LiveScreen() {
  const { event } = useEvent()
  return <Heading title={words.value.live.title} of={event.title} />
}
