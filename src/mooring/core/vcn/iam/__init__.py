"""Who may do what: principals, policy statements, permissions and the decision."""
