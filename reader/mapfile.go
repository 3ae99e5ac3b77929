package reader

// A MapFile is a mapping that a person can read, keep and edit.
type MapFile struct {
	Format  int            `yaml:"format" json:"format"`
	Layouts []MappedLayout `yaml:"layouts" json:"layouts"`
}

// A MappedLayout pins the columns of the files with one header.
type MappedLayout struct {
	Map    map[Field]string `yaml:"map" json:"map"`
	Header []string         `yaml:"header,omitempty" json:"header,omitempty"`
}

func (m *MapFile) headers() []string {
	var headers []string
	for _, l := range m.Layouts {
		headers = append(headers, l.Header...)
		for _, h := range l.Map {
			headers = append(headers, h)
		}
	}
	return headers
}

// layoutOf is the mapping for a file with these columns.
func (m *MapFile) layoutOf(file string, names []string) (map[Field]string, error) {
	return m.Layouts[0].Map, nil
}
