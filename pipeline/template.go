package pipeline

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"unicode/utf8"
)

// templateFuncs are pure: a template cannot read the environment or the network.
var templateFuncs = template.FuncMap{
	"lower":   strings.ToLower,
	"upper":   strings.ToUpper,
	"trim":    strings.TrimSpace,
	"replace": func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
	"default": func(fallback, s string) string { return cmp.Or(strings.TrimSpace(s), fallback) },
	"first": func(s string) string {
		if words := strings.Fields(s); len(words) > 0 {
			return words[0]
		}
		return ""
	},
	"truncate": func(n int, s string) string {
		if utf8.RuneCountInString(s) <= n {
			return s
		}
		return string([]rune(s)[:max(n, 0)])
	},
	"contains": func(part, s string) bool { return strings.Contains(s, part) },
	"split":    func(sep, s string) []string { return strings.Split(s, sep) },
	"index":    index,
	"join":     func(sep string, list []string) string { return strings.Join(list, sep) },
}

// index is the builtin one, except that a column which is not there is an error:
// {{index . "Frist Name"}} must not pass for an empty cell.
func index(of, at any) (any, error) {
	list, place := reflect.ValueOf(of), reflect.ValueOf(at)
	switch {
	case list.Kind() == reflect.Map && place.Kind() == reflect.String:
		if v := list.MapIndex(place); v.IsValid() {
			return v.Interface(), nil
		}
		return nil, fmt.Errorf("map has no entry for key %q", at)
	case (list.Kind() == reflect.Slice || list.Kind() == reflect.String) && place.CanInt():
		if i := place.Int(); i >= 0 && i < int64(list.Len()) {
			return list.Index(int(i)).Interface(), nil
		}
		return nil, fmt.Errorf("there is no number %v among %d", at, list.Len())
	}
	return nil, fmt.Errorf("%v is no place in a %v", at, list.Kind())
}
