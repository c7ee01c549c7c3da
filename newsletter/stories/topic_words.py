"""The words that indicate each Topic, chosen by hand, with strengths from 1 to 3. Two-word phrases are joined by ``_``.

A word is listed when news of that Topic uses it and other news hardly does. Strength 3 is decisive ("inning"), 2 is good evidence
("shares"), and 1 is a hint ("market"). Words are compared as stems, so one form of each is enough.
"""

POLITICS, WORLD, BUSINESS, JUSTICE = "Politics", "World", "Business", "Justice"
HEALTH, SCIENCE, TECHNOLOGY, ENVIRONMENT = "Health", "Science", "Technology", "Environment"
SPORT, CULTURE = "Sport", "Culture"
TOPICS = (
    POLITICS,
    WORLD,
    BUSINESS,
    JUSTICE,
    HEALTH,
    SCIENCE,
    TECHNOLOGY,
    ENVIRONMENT,
    SPORT,
    CULTURE,
)

WORDS: dict[str, dict[int, str]] = {
    POLITICS: {
        3: "gerrymander redistricting filibuster caucus midterms electoral_college white_house house_speaker "
        "republican_party democratic_party presidential_candidate running_mate attorney_general swing_state "
        "voting_rights impeachment reconciliation_bill debt_ceiling government_shutdown oval_office press_secretary "
        "executive_order national_guard voter_id census_bureau town_hall_meeting special_session",
        2: "republican republicans democrat democrats gop senate senator congress congressional congressman congresswoman "
        "lawmaker legislature legislator bipartisan election ballot voter voters primary governor mayor campaign "
        "candidate nominee caucuses pac partisan lobbyist mcconnell schumer pelosi biden trump obama harris vance "
        "desantis newsom abbott sanders statehouse parliament coalition_partner by-election referendum progressive "
        "conservatives midterm vote_count polling_place",
        1: "president administration vote votes bill veto poll polls conservative liberal federal policy amendment party "
        "cabinet resign endorse rally debate house state legislation immigration border appointee nomination "
        "council ministry minister coalition budget",
    },
    WORLD: {
        3: "ceasefire airstrike kremlin nato united_nations prime_minister foreign_minister peace_talks un_security "
        "west_bank embassy ambassador coup junta taliban hezbollah hamas houthi idf peacekeeper islamic_state "
        "european_union security_council peace_deal drone_strike border_clash extradition_treaty foreign_ministry "
        "peace_accord state_visit",
        2: "ukraine ukrainian russia russian putin zelensky gaza israel israeli palestinian netanyahu iran iranian syria "
        "syrian iraq afghanistan kabul yemen lebanon china chinese beijing taiwan korea korean pyongyang seoul india "
        "modi pakistan venezuela maduro colombia mexico brazil argentina cuba haiti nigeria sudan ethiopia congo "
        "somalia kenya egypt turkey erdogan saudi qatar france french macron germany german merkel britain british "
        "starmer london poland hungary belarus spain italy japan tokyo thailand thai myanmar philippines indonesia "
        "australia canada canadian europe european africa african asia asian sanction sanctions diplomat diplomatic "
        "treaty missile troops offensive humanitarian famine hostages refugee militant militants rebels insurgents "
        "warplane kyiv moscow tehran crimea summit vatican serbia greece sweden norway denmark greenland "
        "netherlands ireland scotland zimbabwe uganda bolivia peru chile ecuador guatemala crimean overseas envoy "
        "accord neighbours frontier",
        1: "war military army regime foreign international minister soldiers invasion strike weapons nuclear peace "
        "minister border talks navy province",
    },
    BUSINESS: {
        3: "stocks nasdaq dow_jones wall_street interest_rate interest_rates federal_reserve rate_cut rate_hike central_bank "
        "inflation gdp ipo takeover shareholder shareholders earnings quarterly_profit unemployment_rate jobless jobless_claims unemployment_benefits "
        "jobs_report consumer_prices stock_market bond_yields hedge_fund recall_vehicles bankruptcy antitrust "
        "supply_chain trade_deficit bull_market bear_market base_rate",
        2: "tariff tariffs fed ecb economy economic economist market markets investor investors revenue profit shares merger "
        "acquisition acquire bank banks banking ceo retailer retail walmart sales airline automaker gm toyota ford "
        "boeing euro dollar yen currency forex bond bonds yields mortgage payroll hiring layoffs exports imports "
        "manufacturing factory oil_price crude opec bitcoin etf commodity commodities yellen powell lagarde "
        "taxpayer wages minimum_wage loan loans lender debt billion_deal monetary monetary_policy dividend jobs "
        "borrowing cpi growth_forecast",
        1: "company companies price prices trade trading industry business consumer growth tax taxes billion firm "
        "financial finance employers workers union strike brand stock rate rates costs rent tenants landlords housing",
    },
    JUSTICE: {
        3: "supreme_court appeals_court federal_judge plea_deal grand_jury pleaded_guilty not_guilty death_penalty "
        "district_attorney murder_trial class_action first_degree convicted felon arraigned indicted indictment "
        "manslaughter acquitted jury_selection high_court search_warrant mass_shooting qualified_immunity "
        "circuit_court police_officer",
        2: "court judge jury trial lawsuit sued sues suing prosecutor prosecutors verdict conviction sentenced sentence "
        "prison jail inmate murder homicide gunman shooter shooting suspect arrested arrest police sheriff detective "
        "stabbing rape assault kidnapping fraud guilty ruling ruled appeal injunction attorney attorneys lawyer "
        "defendant testify testimony fbi raid charged charges crime criminal parole bail maxwell epstein justices "
        "killed_in_shooting immigration_judge deportation robbery manhunt plaintiffs",
        1: "justice victim victims law legal officer officers investigation evidence allegations rights case custody "
        "detained probe unconstitutional gun",
    },
    HEALTH: {
        3: "vaccine vaccines vaccination vaccinated coronavirus covid ebola measles cancer alzheimer diabetes "
        "fda_approves clinical_trial public_health medicaid medicare obamacare cdc epidemic outbreak autism "
        "screwworm obesity opioid mers cholera malaria bird_flu food_poisoning life_expectancy affordable_care "
        "blood_pressure drug_trial health_minister side_effects",
        2: "health hospital hospitals patient patients doctor doctors medical medicine disease virus infection infected flu "
        "drug drugs nurse nurses surgeon treatment symptoms diagnosis diagnosed dementia stroke smoking cigarette "
        "diet breast heart_disease heart_attack fda pharmaceutical pfizer moderna fauci lockdown mask masks mandate "
        "quarantine abortion pregnancy mental_health healthcare therapy delta_variant omicron booster "
        "cholesterol sleep_apnea allergy",
        1: "pandemic study researchers risk treated cases deaths clinic care infections brain tested women",
    },
    SCIENCE: {
        3: "nasa astronaut astronomers asteroid spacecraft telescope galaxy planet exoplanet lunar mars_rover spacex "
        "space_station fossil fossils archaeologists dinosaur paleontologist physicist physicists genome species "
        "evolution neutrino quantum black_hole space_probe meteor comet solar_system starship supermoon "
        "eclipse space_agency gravitational_waves",
        2: "scientists researchers study space rocket orbit mission satellite moon mars saturn jupiter universe biology "
        "physics ancient experiment laboratory discovery discovered dna hubble laboratory iss archaeological "
        "excavation prehistoric bones neanderthal solar_orbiter crew_capsule launch_pad voyager probe",
        1: "research scientific university launch earth sun light engineers signals",
    },
    TECHNOLOGY: {
        3: "smartphone iphone ipad android ios windows_xp xbox playstation artificial_intelligence openai chatgpt chatbot "
        "malware ransomware hacker hackers cybersecurity heartbleed titanfall app_store social_media facial_recognition "
        "semiconductor microchips nvidia software net_neutrality data_breach oculus virtual_reality "
        "self_driving galaxy_s5 voice_model deepfake cyberattack open_source source_code",
        2: "apple google microsoft facebook meta twitter tiktok samsung amazon netflix youtube instagram tesla ai tech app "
        "apps internet online users user device devices gadget browser algorithm chip chips computer computers cyber "
        "digital laptop tablet wearable robot robots startup broadband intel htc nokia sony lg zuckerberg nadella "
        "musk xai wifi encryption glass game_console gaming hacked developers smartwatch",
        1: "technology platform data screen update version network website video phone phones features model models",
    },
    ENVIRONMENT: {
        3: "climate_change global_warming hurricane tropical_storm wildfire wildfires earthquake tornado tornadoes tsunami "
        "greenhouse_gas carbon_emissions fossil_fuels endangered_species flash_flood drought volcano mudslide "
        "landslide heat_wave heatwave magnitude typhoon cyclone sea_level paris_agreement air_pollution "
        "weather_service evacuation_orders blizzard oil_spill storm_surge power_lines_down",
        2: "climate storm storms flood floods flooding rain rainfall snow winds weather emissions carbon pollution "
        "environmental epa renewable wind_farm solar_power coal forecasters evacuated evacuation acres firefighters "
        "blaze conservation wildlife forest ocean rescue_crews aftershock dam quake glacier ice_sheet arctic river "
        "meteorologists gusts burned",
        1: "fire water damage disaster emergency sea energy temperatures residents power rescued coast crews",
    },
    SPORT: {
        3: "nfl nba mlb nhl ncaa touchdown quarterback inning innings home_run playoff playoffs super_bowl world_cup olympic "
        "olympics olympian premier_league champions_league grand_slam wimbledon grand_prix formula_one ufc boxing "
        "heavyweight semifinal quarterfinal goalkeeper striker midfielder hat_trick batsman cricket wicket pga "
        "world_series stanley_cup free_agent all-star us_open final_whistle extra_time penalty_shootout gymnast",
        2: "coach team teams season player players game games league tournament championship champion match football "
        "basketball baseball soccer tennis golf hockey athlete athletes win_over defeat goal goals scored scoring "
        "stadium fifa roster draft_pick cup medal swimmer cowboys yankees lakers cheerleader referee "
        "kickoff cheerleaders finals fans rugby marathon biles osaka",
        1: "win wins victory final lead club fan record sports round score title",
    },
    CULTURE: {
        3: "box_office film movie movies hollywood oscar oscars grammy emmy actor actress singer rapper album concert "
        "celebrity kardashian bachelorette box-office filmmaker screenplay novelist broadway sitcom season_finale "
        "game_of_thrones beyonce bieber miley taylor_swift red_carpet film_festival cannes music_video reality_tv "
        "tv_show doctor_who time_lord best_picture opening_weekend country_music pop_star fashion_show art_gallery",
        2: "music song songs band tour star stars director cast episode finale series premiere trailer show comedy comedian "
        "drama museum artist artists author novel book books theater theatre disney marvel mtv hbo abc_news "
        "engaged engagement wedding divorce wed dating couple baby kim kanye clooney jolie pitt swift host "
        "sequel franchise festival fashion model designer holiday royal prince princess duchess "
        "rehab performance performer soundtrack lyrics billboard idol bachelor spider-man x-men godzilla",
        1: "fans photos watch tv television media interview career audience love wife husband birthday journalist "
        "newspaper anchor comic arts cultural",
    },
}

# Politics and courts of other countries are World news. Named in the same text, a place at home keeps them at home.
ABROAD = (
    "ukraine ukrainian russia russian gaza israel israeli palestinian iran iranian syria syrian iraq iraqi afghanistan "
    "afghan yemen lebanon china chinese taiwan japan japanese korea korean india indian pakistan bangladesh sri_lanka "
    "nepal myanmar thailand thai vietnam cambodia malaysia singapore indonesia philippines venezuela colombia mexico "
    "brazil argentina chile peru bolivia ecuador cuba haiti nicaragua honduras nigeria kenya uganda rwanda congo drc "
    "sudan ethiopia somalia zimbabwe ghana egypt libya tunisia algeria morocco turkey turkish saudi qatar france "
    "french germany german britain british england scotland wales london ireland spain italy italian poland hungary "
    "greece serbia ukraine belarus sweden norway denmark finland netherlands belgium austria switzerland australia "
    "zealand canada canadian africa african europe european nato"
)
AT_HOME = (
    "us america american washington white_house congress senate republican democrat gop trump biden obama fbi doj ice "
    "pentagon federal supreme_court texas california florida chicago york"
)
