"""The tag by which a page names its script."""

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mesa.scripts import needed_by

register = template.Library()


@register.simple_tag
def script(entry: str) -> SafeString:
    """Load a script, and all that it imports at the same time."""
    _, *imported = needed_by(settings.STATIC_DIR, entry)
    links = format_html_join(
        "\n  ", '<link rel="modulepreload" href="{}">', ((static(name),) for name in imported)
    )
    return format_html('<script type="module" src="{}"></script>\n  {}', static(entry), links)
