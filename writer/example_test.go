package writer_test

import (
	"fmt"
	"os"

	"octave-enrich/writer"
)

func Example() {
	out, err := writer.Create("-", writer.Options{Columns: []string{"email", "note"}, Emails: 1, Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer out.Abort()

	rows := []writer.Row{
		{Cells: []string{"ada@example.com", "met at PLDI"}, Status: writer.StatusOK, Emails: []writer.Email{{Subject: "Engines", Body: "Hi Ada,\nhow are they?"}}},
		{Cells: []string{"bob@example.com", ""}, Status: writer.StatusNotFound, Error: "profile is private"},
	}
	for _, row := range rows {
		if err := out.Write(row); err != nil {
			fmt.Println(err)
			return
		}
	}
	if _, err := out.Finish(); err != nil {
		fmt.Println(err)
		return
	}
	if err := out.Publish(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// email,note,octave_status,octave_error,octave_request_id,octave_usage,octave_email_count,octave_playbook,octave_persona,octave_product,email_subject_1,email_body_1
	// ada@example.com,met at PLDI,ok,,,,1,,,,Engines,"Hi Ada,
	// how are they?"
	// bob@example.com,,not_found,profile is private,,,0,,,,,
}
