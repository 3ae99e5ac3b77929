package mapping

import "strings"

// Nearest is the name that was most likely meant by a mistyped one: the same
// but for a few letters, or one that holds it. It is empty when there is none.
func Nearest(typed string, names []string) string {
	want := []rune(fold(typed))
	best, nearest := len(want)/3+1, ""
	for _, name := range names {
		if d := distance(want, []rune(fold(name))); d < best {
			best, nearest = d, name
		}
	}
	if nearest != "" || len(want) < 3 {
		return nearest
	}
	for _, name := range names {
		if strings.Contains(fold(name), string(want)) {
			return name
		}
	}
	return ""
}

// distance counts the letters to insert, drop or change between two words;
// two neighbours that changed places count once.
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(changed, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
