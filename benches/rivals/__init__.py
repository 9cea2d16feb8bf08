"""simplejwt in the portal, on the same server and database, for the bench of renewals."""
