package reader

// A Profile is what Open found out about the input.
type Profile struct {
	Files      []FileProfile
	Rows       int            // contacts over all files
	Sendable   int            // those that can be sent
	Invalid    map[string]int // the others, by reason
	Duplicates int            // sendable rows that say the same as an earlier one
	OptOut     map[string]int // rows that a column such as Do Not Call excludes, by its header
	Traps      []Trap
	Notes      []string // one line each, to be printed: guesses, renamed columns, ragged rows
	SHA256     string   // of the bytes of the file; of the files' sums when there are several
}

// A FileProfile is what was found out about one file.
type FileProfile struct {
	Name        string
	Path        string // as it was named; "-" for standard input
	Format      string // csv, tsv, jsonl or xlsx
	Compression string // gzip, zstd or empty
	Encoding    string // empty for a workbook
	Delimiter   string // one character, "tab", or empty
	Sheet       string // of a workbook
	HeaderLine  int    // physical line, 0 for JSONL
	Preamble    int    // lines before the header
	Footer      int    // records with one field behind the last contact
	Empty       int    // records without a value behind the last contact
	Rows        int    // contacts
	Columns     []string
	Mapping     []Mapping
	Rejected    []Rejection
	SHA256      string
}

// A Trap is something about the values that a person should know before
// paying for them.
type Trap struct {
	Kind string // such as "shared inbox"
	Rows int
	Row  int // the first of them
}
