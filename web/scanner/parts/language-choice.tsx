import { change } from '../settings.ts'
import { type Language, language, languages, speak, words } from '../words/language.ts'

/** Each language in its own words. What is chosen is remembered. */
export function LanguageChoice() {
  const choose = (wanted: Language) => {
    change({ language: wanted })
    void speak(wanted)
  }
  return (
    <label>
      {words.value.settings.language}
      <select value={language.value} onChange={({ currentTarget }) => choose(currentTarget.value as Language)}>
        {Object.entries(languages).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
