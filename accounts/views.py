"""Sign in, choose a place, sign out, settings, entitlement."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from . import queries, screens, services
from .errors import NotAMember, SignInRefused, TooManyAttempts
from .forms import PlaceForm, SettingsForm, SignInForm, error_list

WRONG = "Enter a username and password that match. Check both and try again."


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """C1. One message for every way that it can be wrong."""
    if request.method != "POST" and request.user.is_authenticated:
        return HttpResponseRedirect(_next(request))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                services.sign_in(request, **form.cleaned_data)
                return _after_sign_in(request)
            except TooManyAttempts:
                return render(request, "accounts/locked.html", status=429)
            except SignInRefused:
                form.add_error("username", WRONG)
        status = 422
    context = {"form": form, "errors": error_list(form), "next": _next(request)}
    context["ended"] = request.GET.get("ended", "")
    return render(request, "accounts/sign_in.html", context, status=status)


def _after_sign_in(request: HttpRequest) -> HttpResponse:
    """To the page that was asked for, by way of the choice of place where there is one."""
    if services.MEMBERSHIP_KEY in request.session:
        return HttpResponseRedirect(_next(request))
    return redirect(reverse("accounts:place", query={"next": _next(request)}))


@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest) -> HttpResponse:
    """Which organisation to act for, where a person has more than one, or none."""
    places = list(queries.memberships_of(request.user.pk))
    form = PlaceForm(request.POST or None, choices=[(p.pk, p.organisation.name) for p in places])
    if request.method == "POST" and form.is_valid():
        try:
            services.choose_place(
                request, request.user, membership_id=form.cleaned_data["membership"]
            )
            return HttpResponseRedirect(_next(request))
        except NotAMember:
            form.add_error("membership", "You no longer work there. Choose another place.")
    context = {
        "places": [(p, queries.acting_as(p)) for p in places],
        "chosen": request.session.get(services.MEMBERSHIP_KEY),
        "errors": error_list(form),
        "next": _next(request),
    }
    status = 422 if context["errors"] else 200
    return render(request, "accounts/place.html", context, status=status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    services.sign_out(request, acting=request.acting)
    response = redirect("accounts:signed-out")
    screens.leave(response)
    return response


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/signed_out.html")


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """S1."""
    form = SettingsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.change_undo_time(
            request.user, seconds=form.cleaned_data["undo_seconds"], by=request.acting
        )
        messages.success(request, "Your settings are saved.")
        return redirect("accounts:settings")
    errors = error_list(form)
    return render(
        request, "accounts/settings.html", {"errors": errors}, status=422 if errors else 200
    )


@require_safe
def entitlement(request: HttpRequest) -> HttpResponse:
    """S2: what this person may refer for, at each trust, and until when."""
    cards = queries.entitlements_of(request.user)
    return render(request, "accounts/entitlement.html", {"cards": cards})


def _next(request: HttpRequest) -> str:
    """Where to go after: only an address of our own; else the start of the person's work."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return reverse("home")
