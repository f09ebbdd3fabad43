"""Our chat templates and the tokens they use; needs no other library, so that texts can be counted without one."""

ROLE_TOKENS = ("<|user|>", "<|assistant|>", "<|system|>")

# for tokenizers with the reserved role tokens
ROLES_TEMPLATE = (
    "{% for m in messages %}"
    "{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}<|assistant|>"
    "{% elif m['role'] == 'assistant' %}{{ m['content'] }}{{ eos_token }}"
    "{% else %}<|system|>{{ m['content'] }}{% endif %}"
    "{% endfor %}"
)
# for all others; the blank before an answer belongs to the answer, where most tokenizers want it
PLAIN_TEMPLATE = (
    "{% for m in messages %}"
    "{% if m['role'] == 'user' %}{{ 'User: ' + m['content'] + '\\n\\nAssistant:' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}"
    "{% else %}{{ m['content'] + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
)
