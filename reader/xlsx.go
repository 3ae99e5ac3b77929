package reader

import "hash"

func (t *table) openWorkbook(opt Options) error {
	return &InputError{Msg: "workbooks are not read yet"}
}

func (t *table) openSheet(sum hash.Hash) (records, error) {
	return nil, &InputError{Msg: "workbooks are not read yet"}
}
