// Who sent this request? For a service behind djwto-server. It needs
// `go get github.com/golang-jwt/jwt/v5 github.com/MicahParks/keyfunc/v3`.
package assertions

import (
	"context"
	"errors"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://portal.example.com"
	audience = "models.example.com"
	keysURL  = "http://127.0.0.1:9901/.well-known/djwto-assertions.json"
)

// Verifier reads the keys every five minutes, and for an unknown kid.
type Verifier struct{ keys keyfunc.Keyfunc }

// New fetches the public keys of the guard, and goes on until ctx ends.
func New(ctx context.Context) (*Verifier, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{keysURL},
		keyfunc.Override{RefreshInterval: 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	return &Verifier{keys}, nil
}

// UserOf returns the user's primary key, as text.
func (v *Verifier) UserOf(assertion string) (string, error) {
	token, err := jwt.Parse(assertion, v.keys.Keyfunc,
		jwt.WithValidMethods([]string{"EdDSA"}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	if err != nil {
		return "", err
	}
	if token.Header["typ"] != "djwto-assertion+jwt" {
		return "", errors.New("expected an assertion")
	}
	user, err := token.Claims.GetSubject()
	if err == nil && user == "" {
		err = errors.New("expected a user")
	}
	return user, err
}
