package mapping

import (
	"strings"

	"octave-enrich/reader/person"
)

// A fieldAliases names the headers that feed one field, folded and in order
// of priority. Headers of the tools come first, then HubSpot's in the
// languages of its portals, then what people type.
type fieldAliases struct {
	field   person.Field
	headers string // separated by spaces
}

// aliases are tried in this order; one column feeds one field.
func aliases() []fieldAliases {
	return []fieldAliases{
		{person.Email, `email emailaddress workemail primaryemail businessemail contactemail email1value personemail mail
			emailadresse adresseemail courriel correo correoelectronico correoelectrónico emailadres eメール eメールアドレス
			メールアドレス メール endereçodeemail enderecodeemail direccióndecorreoelectrónico`},
		{person.FirstName, `firstname givenname first fname contactfirstname
			vorname prénom prenom nombre voornaam 名 primeironome nome`},
		{person.LastName, `lastname familyname surname last lname
			nachname familienname nom nomdefamille apellidos apellido achternaam 姓 sobrenome últimonome ultimonome apelido cognome`},
		{person.FullName, `fullname contactname name
			vollständigername nomcomplet nombrecompleto nomecompleto volledigenaam 氏名`},
		{person.JobTitle, `jobtitle currentjob currenttitle position organizationtitle organization1title title role designation
			jobbezeichnung berufsbezeichnung stellenbezeichnung positionstitel intitulédeposte intituléduposte intitulédelafonction
			fonction poste titreduposte cargo puesto puestodetrabajo títulodelpuesto tituloprofesional functie functietitel functienaam
			役職 役職名 肩書き títulodocargo
			jobtitel funktion titredeposte intituleduposte títulodeltrabajo títulodetrabajo functieomschrijving títulodotrabalho função`},
		{person.CompanyName, `companyname company accountname companyaccount organizationname organization1name organization
			associatedcompany currentcompany employer
			unternehmensname namedesunternehmens unternehmen firma firmenname nomdelentreprise entreprise société societe
			nombredelaempresa nombredeempresa empresa bedrijfsnaam naamvanhetbedrijf bedrijf 会社名 企業名 会社 nomedaempresa
			nomdelasociété nombredelacompañía compañía naamvanbedrijf naambedrijf`},
		{person.CompanyDomain, `companydomain domain companywebsite companywebsiteurl website websiteurl webpage website1value
			urlderwebsite webseite urldusiteweb siteweb urldelsitioweb sitioweb urlvanwebsite websitevanbedrijf
			ウェブサイトurl ウェブサイトのurl ウェブサイト webサイトurl webサイト urldosite urldowebsite site
			companydomainname unternehmensdomain unternehmenswebsite domainnamedesunternehmens nomdedomainedelentreprise
			nombrededominiodelaempresa domeinnaamvanbedrijf nomededomíniodaempresa 会社のドメイン名 会社ドメイン名 companyurl regularcompanyurl emaildomain`},
		{person.LinkedInProfile, `personlinkedinurl linkedinurlpublic linkedincontactprofileurl linkedinprofileurl defaultprofileurl
			linkedinprofile linkedinurl hslinkedinurl linkedin profileurl url
			urllinkedin urldelinkedin linkedinprofil profillinkedin linkedinのurl urldolinkedin
			urlduprofillinkedin urldelperfildelinkedin linkedinprofielurl linkedinprofilurl`},
		{person.CRMContactID, `contactid recordid hsobjectid datensatzid iddelafiche iddefichedinformations iddelafichedinformations idderegistro recordidentificatie レコードid iddoregistro id`},
		{person.CRMLeadID, `leadid id`},
		{person.CRMAccountID, `accountid associatedcompanyids associatedcompanyid`},
		{person.Lang, `lang locale preferredlanguage hslanguage language`},
	}
}

// lookAlikes are headers that name something else than they seem to, folded,
// each group with why it is never used.
func lookAlikes() []struct{ headers, why string } {
	return []struct{ headers, why string }{
		{`secondaryemail tertiaryemail email2address email3address email2value email3value`, "a further address, not the main one"},
		{`personalemail`, "a private address"},
		{`emailstatus emailconfidence emailsent emailopen emailbounced primaryemailsource primaryemailverificationsource
			primaryemailstatus primaryemailcatchallstatus primaryemaillastverifiedat`, "says something about an address, is none"},
		{`companynameforemails`, "a shortened company name"},
		{`phoneticfirstname phoneticlastname middlename nickname`, "not the name as it is written"},
		{`jobtitlehierarchylevel seniority managementlevel`, "a level, not a title"},
		{`previousjobtitle previouscompanyname previouscompanylinkedinprofile`, "of an earlier job"},
		{`titledescription`, "describes the title"},
		{`salutation nameprefix honorific`, "an honorific"},
		{`companytabledata`, "a cell of the tool, not a company"},
		{`parentcompany parentcompanyapollodata`, "another company"},
		{`companylinkedinurl linkedincompanyprofileurl companylinkedinurluniqueid`, "a page of the company, not of the person"},
		{`facebookurl twitterurl facebookcompanyprofileurl twittercompanyprofileurl`, "another network"},
		{`linkedinurluniqueid salesnavigatorurl`, "no public profile address"},
		{`zoominfocontactprofileurl zoominfocompanyprofileurl`, "a page of the data vendor"},
		{`owner accountowner contactowner leadowner recordowner owneremail accountowneremail contactowneremail leadowneremail
			createdby createdbyemail lastmodifiedby`, "a colleague, not the contact"},
		{`donotcall`, "about telephones, not email"},
		{`apollocontactid apolloaccountid apollorecordid zoominfocontactid zoominfocompanyid`, "an id of the data vendor, not of the CRM"},
	}
}

// optOuts are the columns by which a person says that they want no mail,
// folded; a header may also start with one of optOutPrefixes.
func optOuts() []string {
	return strings.Fields(`donotcontact donotemail donotmail dnc unsubscribed unsubscribedfromallemail
		isunsubscribed hsemailoptout optout optedout emailoptout hasoptedoutofemail hasoptedout marketingoptout
		globalunsubscribe suppressed blocklisted unsubscribe unsubscribedat unsubscribedate optoutdate`)
}

const optOutPrefix = "optedoutofemail" // HubSpot: one column for each subscription type

// exactFields are fields that only a header spelled exactly so can feed:
// notes and descriptions are never sent by guess.
func exactFields() []person.Field {
	fields := []person.Field{"outputFormat", "playbookSelectionContext", "agentOId", "experimentOId", "includeFullAnnotation"}
	for _, part := range strings.Fields("playbook product service persona segment") {
		fields = append(fields, person.Field("customContext."+part+".oId"))
	}
	for _, object := range strings.Fields("runtimeContext runtimeInstructions") {
		for _, step := range strings.Fields("all 1 2 3 4 5 6 7") {
			fields = append(fields, person.Field(object+"."+step))
		}
	}
	return fields
}

// objectFields are the fields that are objects in the request. A column of
// that name holds one in JSON, or a text that is meant for every step.
func objectFields() []person.Field {
	return []person.Field{"runtimeContext", "runtimeInstructions", "customContext"}
}

// Fields lists every field that a column can feed: those of a [Person], the
// name to be split, and the ones carried in [Person.Extra].
func Fields() []person.Field {
	var fields []person.Field
	for _, a := range aliases() {
		fields = append(fields, a.field)
	}
	return append(append(fields, exactFields()...), objectFields()...)
}
