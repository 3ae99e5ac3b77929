package fleet

import "time"

// Away is how long the database has not answered, 0 when it does.
func (d *DB) Away() time.Duration { return d.away() }
