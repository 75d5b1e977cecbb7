"""Calls on quotas, which stand in the way of nobody here."""

CALLS = """
# Quotas
POST /20181025/quotas CreateQuota
GET /20181025/quotas ListQuotas
GET /20181025/quotas/{id} GetQuota
PUT /20181025/quotas/{id} UpdateQuota
DELETE /20181025/quotas/{id} DeleteQuota
POST /20181025/quotas/{id}/actions/addLock AddQuotaLock
POST /20181025/quotas/{id}/actions/removeLock RemoveQuotaLock
"""
