package grade

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode"

	"infer/eval"
)

// Language accepts an answer that is written in the given language. It knows 21:
// those with a script of their own by it, those of the Latin and Cyrillic
// scripts by their commonest words and by letters that only some of them have. A
// text that is too short, or too mixed, to tell is unscored.
type Language struct {
	Is string `json:"is,omitempty" doc:"code of the language (en, de, fr, es, it, pt, nl, sv, da, pl, tr, ru, uk, el, ar, he, hi, th, zh, ja, ko); without it, the task's expected value"`
}

// languageNames are the codes with the names by which expected values may call
// them.
var languageNames = map[string]string{
	"en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "pt": "portuguese", "nl": "dutch", "sv": "swedish", "da": "danish", "pl": "polish",
	"tr": "turkish", "ru": "russian", "uk": "ukrainian", "el": "greek", "ar": "arabic", "he": "hebrew", "hi": "hindi", "th": "thai", "zh": "chinese", "ja": "japanese", "ko": "korean",
}

// commonWords are the words that a text of the language can hardly do without.
// A word of several languages counts for each of them.
var commonWords = map[string]string{
	"en": "the of and to in is that it for was on are as with be this have from or by not you at but they we an which his her their has had were will can would there been if more when who what your all do one my its about our so up out",
	"de": "der die und das ist nicht ein eine zu den mit von auf für im sie es ich dem des sich auch wir als an aus wie bei oder einen nach wird sind war haben hat werden kann ihr nur noch aber wenn über vom zum zur dass einer eines durch mehr bitte",
	"fr": "le la les de des et est un une du que en pour dans qui pas sur au aux ce il elle avec ne se par plus sont nous vous je mais ou son sa ses être cette ces leur a été comme tout on si fait très votre bien",
	"es": "el la los las de que y en un una es por con para no se del al lo su como más pero sus le ya este esta son entre está cuando muy sin sobre también me hasta hay donde desde todo nos durante uno ni contra otros ese eso",
	"it": "il lo la i gli le di che e è un una in per con non si del della dei delle da al alla sono come più ma anche nel nella ha questo questa suo sua essere o se ci mi dal dalla tra fra quando molto tutto ed ai alle hanno",
	"pt": "o a os as de que e do da em um uma é para com não no na se por mais dos das como mas foi ao ele ela seu sua ou ser quando muito há nos já está eu também só pelo pela até isso são tem nas à você foram",
	"nl": "de het een en van in is dat op te niet zijn met voor die er aan om ook als dan maar bij nog uit naar door over ze hij was deze dit heeft wordt worden kan of wat je ik we hun meer geen wel werd tot zich moet onze",
	"sv": "och att det i en som är på för med av den till inte har de ett om var jag så från vi kan man eller när nu ska men vid hon han sig efter också under över mycket där mot blir alla detta hade bara",
	"da": "og at det i en som er på for med af den til ikke har de et om var jeg så fra vi kan man eller når nu skal men ved hun han sig efter også under over meget hvor mod bliver alle dette havde kun blev",
	"pl": "i w na się nie że z do to jest o jak po co ale od za przez przy tak być dla czy już są oraz może tylko jego jej który która które ten ta te tym tego był była było ich lub bardzo jeszcze",
	"tr": "ve bir bu da de için ile çok olarak daha ne olan gibi var en kadar ama ben sen o biz değil sonra mi mı her şey ya olduğu tarafından ise veya yok göre bunu nasıl kendi ancak yeni üzerinde",
	"ru": "и в не на что я с он как это по но они мы она к у из за от то все так же его о для бы вы был или быть есть при если только еще её уже когда можно где чтобы было",
	"uk": "і в не на що я з він як це по але вони ми вона до у із за від то все так же його про для би ви був або бути є при якщо тільки ще її вже коли можна де щоб було та",
}

// marks are letters that, of the languages of their script here, few have.
var marks = map[rune]string{
	'ß': "de", 'ä': "de sv", 'ö': "de sv tr", 'ü': "de tr es", 'ñ': "es", '¿': "es", '¡': "es", 'ç': "fr pt tr", 'œ': "fr", 'è': "fr it", 'ê': "fr pt", 'ù': "fr it", 'ò': "it", 'ì': "it",
	'ã': "pt", 'õ': "pt", 'å': "sv da", 'æ': "da", 'ø': "da", 'ą': "pl", 'ę': "pl", 'ł': "pl", 'ś': "pl", 'ż': "pl", 'ź': "pl", 'ć': "pl", 'ń': "pl", 'ğ': "tr", 'ş': "tr", 'ı': "tr",
	'ы': "ru", 'э': "ru", 'ъ': "ru", 'ё': "ru", 'і': "uk", 'ї': "uk", 'є': "uk", 'ґ': "uk",
}

// maxLanguageText is how much of an answer is looked at.
const maxLanguageText = 64 << 10

// Grade detects the language and compares.
func (g *Language) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want := g.Is
	if want == "" {
		var ok bool
		if want, ok = text(t); !ok {
			return noExpected("language", "language")
		}
	}
	code, ok := languageCode(want)
	if !ok {
		return unscored("language", "no language that is known here: "+quote(want))
	}
	s := r.Text.Raw()
	got, why := DetectLanguage(strings.ToValidUTF8(s[:min(len(s), maxLanguageText)], ""))
	if got == "" {
		return unscored("language", why)
	}
	return pass("language", got == code, fmt.Sprintf("written in %s (%s), expected %s", languageNames[got], why, languageNames[code]))
}

// Prepare checks the code.
func (g *Language) Prepare() error {
	if _, ok := languageCode(g.Is); g.Is != "" && !ok {
		return fmt.Errorf("language: %s is none of the languages that are known here", quote(g.Is))
	}
	return nil
}

func languageCode(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	for code, name := range languageNames {
		if s == code || s == name || strings.HasPrefix(s, code+"-") {
			return code, true
		}
	}
	return "", false
}

// DetectLanguage returns the code of the language that a text is written in and
// what shows it, or "" and why nobody can tell.
func DetectLanguage(s string) (code, why string) {
	scripts, letters := make(map[string]int), 0
	for _, r := range s {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		scripts[scriptOf(r)]++
	}
	top, n := "", 0
	for script, k := range scripts {
		if k > n || k == n && script < top {
			top, n = script, k
		}
	}
	kana := scripts["kana"]
	if kana > 0 && 10*kana >= scripts["han"] && 2*(kana+scripts["han"]) > letters {
		return "ja", "kana"
	}
	switch {
	case letters < 4:
		return "", "the text has too few letters to tell its language"
	case 10*n < 6*letters || top == "other":
		return "", "the text is in several scripts, or in one that is not known here"
	case top == "latin" || top == "cyrillic":
		return byWords(s, top)
	}
	return map[string]string{"han": "zh", "kana": "ja", "hangul": "ko", "greek": "el", "arabic": "ar", "hebrew": "he", "devanagari": "hi", "thai": "th"}[top], "script"
}

func scriptOf(r rune) string {
	for _, s := range []struct {
		name  string
		table *unicode.RangeTable
	}{{"latin", unicode.Latin}, {"cyrillic", unicode.Cyrillic}, {"han", unicode.Han}, {"kana", unicode.Hiragana}, {"kana", unicode.Katakana}, {"hangul", unicode.Hangul},
		{"greek", unicode.Greek}, {"arabic", unicode.Arabic}, {"hebrew", unicode.Hebrew}, {"devanagari", unicode.Devanagari}, {"thai", unicode.Thai}} {
		if unicode.Is(s.table, r) {
			return s.name
		}
	}
	return "other"
}

// byWords tells the languages of one script apart. A common word counts one, a
// telling letter half of one; the best must have three and half as many again as
// the next, which is about what six words of prose give.
func byWords(s, script string) (string, string) {
	points := make(map[string]float64)
	low := strings.ToLower(s)
	words := strings.FieldsFunc(low, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' })
	index := wordIndex()
	for _, w := range words {
		for _, code := range index[w] {
			points[code]++
		}
	}
	for _, r := range low {
		for _, code := range strings.Fields(marks[r]) {
			points[code] += 0.5
		}
	}
	best, second := "", 0.0
	for code, p := range points {
		if cyrillic := code == "ru" || code == "uk"; cyrillic != (script == "cyrillic") {
			continue
		}
		switch {
		case best == "" || p > points[best] || p == points[best] && code < best:
			if best != "" {
				second = max(second, points[best])
			}
			best = code
		default:
			second = max(second, p)
		}
	}
	if best == "" || points[best] < 3 || points[best] < 1.5*second {
		return "", fmt.Sprintf("%d words do not show which language they are", len(words))
	}
	return best, fmt.Sprintf("%.4g points against %.4g", points[best], second)
}

// wordIndex says which languages a common word belongs to.
var wordIndex = sync.OnceValue(func() map[string][]string {
	m := make(map[string][]string)
	for code, words := range commonWords {
		for _, w := range strings.Fields(words) {
			m[w] = append(m[w], code)
		}
	}
	return m
})
