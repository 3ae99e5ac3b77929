package writer

// An outcome is what every generic row says about itself, in the order of the header.
type outcome struct {
	Status     string `csv:"octave_status"`
	Error      string `csv:"octave_error"`
	RequestID  string `csv:"octave_request_id"`
	Usage      string `csv:"octave_usage"`
	EmailCount int    `csv:"octave_email_count"`
	Playbook   string `csv:"octave_playbook"`
	Persona    string `csv:"octave_persona"`
	Product    string `csv:"octave_product"`
}

// A capture is the writer that gocsv flattens into: the cells go on into a record with the input before and the messages
// behind them.
type capture struct{ record []string }

// Write appends the cells of one flattened struct.
func (c *capture) Write(cells []string) error {
	c.record = append(c.record, cells...)
	return nil
}

// Flush does nothing.
func (c *capture) Flush() {}

// Error returns nil.
func (c *capture) Error() error { return nil }
