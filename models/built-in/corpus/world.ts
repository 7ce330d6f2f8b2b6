// Words about the world, of which the model knows nothing. They are here so that it learns to say so.

export const COUNTRIES =
  words(`France Germany Italy Spain Portugal Japan China India Brazil Canada Mexico Egypt Kenya Nigeria Norway Sweden Finland
  Denmark Poland Austria Switzerland Greece Turkey Russia Ukraine Australia Argentina Chile Peru Cuba Iceland Ireland Belgium Hungary Romania Israel Iran Iraq
  Thailand Vietnam Korea Indonesia Mongolia Nepal Morocco Ghana Ethiopia Croatia Bulgaria Estonia Jamaica Panama England Scotland Texas California`);

export const CITIES =
  words(`Paris Berlin Rome Madrid Lisbon Tokyo Beijing Delhi London Vienna Zurich Athens Moscow Kyiv Sydney Lima Havana Dublin Brussels Prague
  Budapest Oslo Stockholm Helsinki Copenhagen Warsaw Istanbul Cairo Nairobi Lagos Boston Chicago Seattle Denver Toronto Montreal Mumbai Seoul Bangkok Hanoi Geneva Milan
  Munich Hamburg Barcelona Amsterdam Venice Naples Porto Dallas Miami Houston Philadelphia Shanghai Singapore Dubai Jakarta Manila Melbourne`);

export const PEOPLE = lines(`Einstein
Albert Einstein
Isaac Newton
Napoleon
Shakespeare
Mozart
Beethoven
Marie Curie
Abraham Lincoln
Barack Obama
Donald Trump
Joe Biden
Angela Merkel
Elon Musk
Bill Gates
Steve Jobs
Taylor Swift
Michael Jackson
Madonna
Elvis
Cristiano Ronaldo
Lionel Messi
Roger Federer
Julius Caesar
Cleopatra
Leonardo da Vinci
Picasso
Van Gogh
Charles Darwin
Alan Turing
Ada Lovelace
Gandhi
Nelson Mandela
the pope
the president
the king of England
the queen
Harry Potter
Sherlock Holmes
Batman
Superman
Santa Claus
Plato
Socrates
Goethe
Kafka
Tolstoy
Hemingway
Jane Austen
Tom Hanks
Brad Pitt
my mother
my brother
my neighbour
Linus Torvalds
Jensen Huang`);

export const ANIMALS =
  words(`cat dog elephant lion tiger whale shark eagle penguin giraffe horse cow pig sheep snake spider frog bee ant butterfly dolphin bear wolf fox
  rabbit mouse bat owl crocodile octopus camel kangaroo panda monkey gorilla dinosaur unicorn hamster turtle salmon chicken duck parrot`);

export const FOODS =
  words(`pizza bread rice pasta soup cake pancakes lasagna sushi curry cheese chocolate coffee tea wine beer salad steak sandwich omelette risotto
  cookies pie eggs potatoes tomatoes bananas apples honey yogurt burger tacos noodles dumplings muffins jam butter stew pesto hummus kimchi`);

/** "the capital of France", "gravity": for "What is ...?" */
export const THINGS = lines(`gravity
photosynthesis
democracy
the speed of light
the meaning of life
the universe
a black hole
the theory of relativity
quantum mechanics
evolution
DNA
an atom
a molecule
the sun
the moon
Mars
Jupiter
a volcano
an earthquake
a rainbow
the weather
the weather today
the time
the date today
the news
love
happiness
justice
philosophy
inflation
the stock market
bitcoin
blockchain
a mortgage
the exchange rate
the tallest mountain
the longest river
the largest ocean
the biggest country
the smallest planet
the highest building
the population of the world
pi
the square root of 16
the square root of two
2+2
five times seven
12 * 9
100 divided by 4
a prime number
a triangle
calculus
algebra
the Pythagorean theorem
a derivative
a matrix
statistics
football
chess
cricket
the World Cup
the Olympic Games
a violin
jazz
opera
a symphony
impressionism
the Mona Lisa
the Eiffel Tower
the Great Wall
the Titanic
the Second World War
World War II
the French Revolution
the Roman Empire
the Middle Ages
the Cold War
the Bible
Buddhism
a poem
a sonnet
a noun
grammar
a vitamin
protein
cholesterol
diabetes
a headache
the flu
cancer
the heart
the brain of a human
a virus
a vaccine
yoga
a marathon
climate change
global warming
electricity
a magnet
a laser
a nuclear reactor
a car engine
a bicycle
an airplane
a rocket
a satellite
a telephone
a microscope
a washing machine
a refrigerator
a mortgage rate
a passport
a visa
tax law
the constitution
the parliament
the United Nations
the European Union
a kimono
a guitar
a piano
a sailing boat
the best movie
a good book
the best restaurant in town
a recipe
a good name for a cat
my password
my age
my address
my phone number
tomorrow's weather
the winner of the game
the lottery numbers
Python
Java
JavaScript
Rust
Haskell
Kubernetes
Terraform
Ansible
React
Angular
Django
PostgreSQL
MySQL
MongoDB
Redis
Kafka
Spark
Hadoop
Excel
Photoshop
Blender
WordPress
Windows 11
an iPhone
Android
Bluetooth
Wi-Fi
a VPN
a firewall
DNS
TCP
HTTP/3
HTML
CSS
SQL
a linked list
a binary tree
quicksort
recursion
a pointer
a compiler bug
a git branch
a pull request
Docker Compose
a virtual machine
Linux history
Emacs
Vim
a blockchain wallet
machine learning
a neural network
backpropagation
gradient descent
a convolution
reinforcement learning
a diffusion model
stable diffusion
PyTorch
TensorFlow
scikit-learn
LangChain
RAG
a vector database
an embedding model
speech recognition
a web router
a wifi router
a wooden graph
a lake
a lane on a highway
a dynamo on a bicycle
a mailbox in front of a house
a school
a university
a kindergarten
a hospital
the police
a dentist
a lawyer
gold
silver
iron
oxygen
hydrogen
water
fire
ice
snow
a cloud in the sky
thunder
a desert
a jungle
an island
a bridge
a castle
a museum
a theatre`);

/** "bake a cake": for "How do I ...?" */
export const DEEDS = lines(`{act} a {noun}
{act} the {noun}
{act} my {noun}
{act} a {quality} {noun}
{act} the {noun} of a {noun}
{act} {noun}s
{act} {food}
get rid of {noun}s
get a {quality} {noun}
get to {city}
change the {noun}
change a {noun}
change the {noun} of my {noun}
change my {noun}
set the {noun}
set up a {noun}
set a {quality} {noun}
start a {noun}
start the {noun}
stop the {noun}
use a {noun}
use the {quality} {noun}
install a {noun}
build a {noun}
build a {quality} {noun}
run a {noun}
make a {noun}
make a {quality} {noun}
find a {noun}
choose a {noun}
see the {noun}
list the {noun}s
write a {noun}
bake {food}
cook {food}
make {food}
eat {food}
order {food}
store {food}
peel {food}
freeze {food}
feed a {animal}
train a {animal}
catch a {animal}
draw a {animal}
wash a {animal}
travel to {city}
fly to {city}
find a flat in {city}
find a hotel in {city}
book a flight to {country}
get a visa for {country}
move to {country}
learn Spanish
learn French
learn to swim
learn to drive
learn the guitar
play the piano
play chess
win at poker
fix a flat tire
change a tire
change the oil
change the battery of my car
change my password
change a diaper
change the light bulb
change my name
change the wallpaper
change the channel
change my mind
change jobs
change the font
change the color
change the language of my phone
change the time zone
change the wifi password
change money
set an alarm
set a timer
set the table
set the clock
set up a printer
set up a tent
set up a bank account
set up an email account
open a bottle
open a PDF
open a bank account
start a car
start a fire
start a company
start a garden
start running
start a band
stop smoking
stop a cold
stop hiccups
stop worrying
stop the rain
install Windows
install Photoshop
install a door
install a lamp
install Python
install numpy
install nginx
install MySQL
install Kubernetes
install a game
install solar panels
run a marathon
run faster
run a restaurant
run a python script
run an election
build a house
build a shed
build a boat
build a website
build a robot
build a snowman
build muscles
write a poem
write a novel
write a letter
write an essay
write a CV
write a python program
write a SQL query
write a song
write a will
sort a list in Python
reverse a string in Java
parse XML
center a div
connect to a database
connect to wifi
connect my headphones
create a table in SQL
create a git branch
undo a commit
merge two branches
use Excel
use a compass
use chopsticks
use a microscope
use git
use Docker
deploy to Kubernetes
deploy a website to AWS
deploy on Heroku
scale a Kubernetes cluster
train a neural network
fine-tune a model
train a model
label images
lose weight
gain weight
sleep better
cure a headache
treat a burn
heal a cold
lower my blood pressure
tie a tie
tie a knot
fold a shirt
wash my hair
remove a stain
clean a window
clean the oven
paint a wall
paint a picture
hang a picture
sew a button
knit a sweater
grow tomatoes
grow roses
plant a tree
mow the lawn
cut hair
shave
save money
invest money
buy a house
buy stocks
sell my car
pay taxes
calculate the area of a circle
calculate interest
solve an equation
solve a Rubik's cube
multiply two matrices
measure the temperature outside
measure my height
predict the weather
find a job
find love
find my keys
find a doctor
find the north
make friends
make a paper plane
make coffee
make money
call my mother
call a taxi
call the police
send a letter
send a fax
send money
send a postcard
read a map
read music
read faster
drive a truck
ride a horse
ride a bicycle
swim
dance
sing
whistle
juggle
meditate
pray
vote
get married
get rich
get a passport
get a driving licence
translate a text
translate hello into French
say thank you in Japanese
spell necessary
pronounce croissant
watch a movie
record a video
edit a photo
take a photo
print a document
scan a page
reset my phone
repair a phone
repair a bike
hack a computer
delete my account
cancel my subscription
return a product
route a cable
drain the pool
serve dinner
serve a tennis ball
serve wine
link two Excel sheets
stream a football game
stream music
cache a web page in Nginx
balance my budget
restart my phone
limit my sugar
monitor my heart rate
test my eyes
benchmark my graphics card for games
port a game to Linux
add numbers
count to ten
schedule a meeting
fill in a form
join a club`);

/** Whole questions. */
export const QUESTIONS = lines(`what is the {quality} {noun}
what is the best {noun} {noun}
which {noun} is the most {quality}
which {noun} should I {act}
who {act}ed the {noun}
who is the {quality} {noun}
why is the {noun} {quality}
why do {noun}s {act}
why does a {noun} {act}
where can I {act} a {quality} {noun}
where is the {noun}
where do I find a {quality} {noun}
when is the {noun}
when should I {act} the {noun}
how many {noun}s does a {noun} have
how {quality} is a {noun}
how do {noun}s {act}
how do you {act} a {noun}
how long do I {act} a {noun}
how much is a {quality} {noun}
can you explain {quality} {noun}
can you explain the {noun} of {country}
can you {act} a {noun}
can you recommend a {quality} {noun}
can I {act} my {noun}
can a {animal} {act} a {noun}
is a {noun} {quality}
is the {noun} of {person} {quality}
are {noun}s {quality}
do {noun}s {act}
does a {noun} {act}
should I {act} the {noun}
tell me about the {noun}
tell me about {quality} {noun}s
tell me about the {noun} of {city}
the {quality} {noun} of {country}
write a {noun} about a {quality} {noun}
write about the {noun}
describe a {quality} {noun}
give me a {noun}
give me {number} ideas for a {noun}
I want a {quality} {noun}
I need to {act} my {noun}
I have a {quality} {noun}
my {noun} is {quality}
my {noun} is broken
the {noun} is {quality}, what do I do
what do you know about {noun}s
what is the name of the {noun}
what is the {noun} of {person}
what is the {noun} of {country}
what is the difference between a {noun} and a {noun}
what does a {noun} do
what does the {noun} mean
what should I {act}
what are the effects of {noun}
which {noun} did {person} {act}
which {noun} won the {noun} in {year}
who is the {noun} of {city}
who wrote the {quality} {noun}
who is {person}
who was {person}
tell me about {person}
when was {person} born
when did {person} die
where was {person} born
how old is {person}
what did {person} do
how tall is {person}
is {person} married
what did {person} write
do you know {person}
what is the capital of {country}
what's the capital of {country}
capital of {country}
where is {country}
where is {city}
how big is {country}
how many people live in {city}
how many people live in {country}
what language do they speak in {country}
who is the president of {country}
who is the king of {country}
what is the currency of {country}
how is the weather in {city}
what's the weather like in {city}
will it rain in {city} tomorrow
what time is it in {city}
how far is it from {city} to {city}
how do I get from {city} to {city}
what is the best restaurant in {city}
tell me about {country}
tell me the history of {city}
what should I see in {city}
is {city} a nice place
what is a {animal}
what do {animal}s eat
how long does a {animal} live
how fast is a {animal}
how big is a {animal}
how many legs does a {animal} have
where do {animal}s live
can a {animal} swim
can a {animal} fly
is a {animal} dangerous
why do {animal}s sleep
what sound does a {animal} make
what is {food} made of
is {food} healthy
where does {food} come from
how many calories are in {food}
do you like {food}
give me a recipe for {food}
recipe for {food}
how long do I cook {food}
who invented {food}
what is {number} plus {number}
what is {number} times {number}
what is {number} minus {number}
how much is {number} + {number}
how much is {number} divided by {number}
calculate {number} * {number}
{number} + {number}
{number}*{number}
{number} - {number} =
what is the square root of {number}
is {number} a prime number
what happened in {year}
who won the world cup in {year}
who was president in {year}
which year was the war in {country}
what day is it
what day is it today
what time is it
what is the date
what year is it
what is today's news
who won the game yesterday
who won the election
who is the richest man in the world
who painted the Mona Lisa
who wrote {thing}
who wrote Hamlet
who discovered {thing}
who invented {thing}
who invented the telephone
who discovered America
when did the war end
when was {thing} invented
why is the sky blue
why is grass green
why is the sea salty
why do we dream
why do stars shine
why do people cry
why does it rain
how many planets are there
how many days are in a year
how many countries are in Europe
how far is the moon
how old is the earth
how deep is the sea
how hot is the sun
how does {thing} work
how does a car work
how does the brain work
how does the heart work
how much does {thing} cost
how much does a house cost
where can I buy {thing}
where can I buy {food}
do I need {thing}
is {thing} good for me
is {thing} dangerous
can I eat {food} every day
should I buy {thing}
should I marry
what should I eat today
what should I wear tomorrow
what should I cook tonight
can you recommend a movie
can you recommend a book
can you recommend a restaurant
recommend me a song
which phone should I buy
which car is the best
which is better, Java or Python
what is the difference between a {animal} and a {animal}
what is the difference between {thing} and {thing}
compare {country} and {country}
translate "{food}" to French
translate good morning into German
how do you say {food} in Spanish
what does "{food}" mean in Italian
write a poem about {thing}
write a poem
write an essay about {thing}
write python code
write a function that sorts a list
write code to reverse a string
write me an email to my boss
write a haiku
sing a song
draw a {animal}
draw a picture
play music
play a game with me
turn on the light
open the door
set a timer for ten minutes
remind me to call my mother
book a table in {city}
order a pizza
call {person}
send an email to {person}
what is my name
who am I
where am I
where do I live
what am I thinking
what is on my screen
what did I eat yesterday
how is my mother
will I be rich
will it snow
am I healthy
I have a headache, what should I do
I feel sad
I am hungry
I am bored
my car does not start
my phone is broken
my dog is ill
my printer does not print
my back hurts
I broke my leg
I lost my keys
I love {food}
I live in {city}
I was born in {year}
my {animal} is called Fred
it is raining
the sun is shining
today is my birthday
what do you think about {person}
what do you think about {thing}
is there life on Mars
is there a god
does God exist
is the earth flat
what happens after death
what is the best language to learn
what is the best way to lose weight
who will win the next election
explain {thing} to a child
summarize {thing}
summarize the book
give me a quote by {person}
give me a synonym for happy
what is the opposite of hot
what rhymes with {food}
how do you spell {food}
what is the plural of {animal}
what is the chemical symbol of gold
what is the boiling point of water
what is the formula for {thing}
what color is a {animal}
name three {animal}s
name a city in {country}
name five countries
list the planets
list all presidents
count to {number}
what comes after {number}
tell me a fact about {thing}
tell me a fact about {country}
tell me the news
tell me the time
tell me your secret
tell me something I don't know
tell me something interesting
surprise me
what does the flag --{word} do
what does --{word} do
what is --{word}
what is the key {word}
what does {word} mean
what is {word}
what is a {word}
define {word}
explain {word}
{word}
{word} {word}
{word}?
what is {word} {word}
what does the command {word} do
does dynamo support {word}
how do I use {word}
how do I {word}
how can I {word} the {animal}
where is {word}
who is {word}
does the {animal} like {food}
is the {animal} in {city}
{city}
{country}
{food}
{animal}
{person}
{thing}
{number}
{number} {number}
asdf
qwertz
lorem ipsum dolor sit amet
blah blah blah
foo bar baz
abc
xyz
the quick brown fox
once upon a time
to be or not to be
1, 2, 3
a b c d
how do I configure {thing}
how do I change {thing}
what does {thing} do
how do I stop {thing}
can I use {thing}
does it support {thing}
is {thing} supported by dynamo
what is the price of {thing}
how do I install {thing} on my phone
what port does {thing} use
what is the default port of {thing}
which license does {thing} have
what language is {thing} written in
how do I build {thing}
what are the metrics of {thing}
what is the best model for {thing}
how do I query {thing}
what is the latest version of {thing}
when will {thing} be released
who maintains {thing}
how do I pay
how much does dynamo cost per month
what is your phone number
what is the email of support
who is the CEO of dynamo
where is the office
is dynamo listed on the stock exchange
how many people work on dynamo
can dynamo generate images
can dynamo transcribe audio
can dynamo drive a car
can you see me
can you hear me
can you search the web
can you browse the internet
can you write code
can you translate
can you calculate
can you do math
can you draw
can you count`);

export const NOUNS =
  words(`acorn anchor ankle apron arrow artist atlas autumn bacon balcony bamboo banjo banker barley beach beard bedroom belt bench berry blanket blouse board bone boot
  bottle bracelet brick broom bucket butcher button cabin cactus camera candle canyon carpet carrot cartoon cathedral ceiling cello cellar cement cereal chain chair chimney cinema circus
  clarinet coast coat coconut coin comb comet cottage cotton cough cousin crayon cucumber cup curtain dancer daughter desk diamond dinner disease ditch doctor doll donut drill drum
  dust eagle ear easter elbow emperor engine envoy envelope eraser eyebrow fairy fan fence ferry fiddle finger fireplace fish flag flour flute forest fossil fountain freckle
  galaxy garage garlic gas gate ghost ginger glacier glove goal gold grape guitar gym hair hammer harp helmet hen herb holiday horizon hotel hour hurricane ice ink insect
  jacket jeans jelly jewel judge juice kettle kidney kingdom kitchen knee knife ladder lamp lemon letter lightning lip lizard lung magician magnet mango marble market mattress meal meat
  medicine melody mermaid metal milk minute mirror monk month moss motor mountain mushroom mustard nail napkin neck needle nephew nest nose novel nurse oak ocean olive onion orange
  orchestra oven paint palace pan paper parade park peach pear pencil pepper perfume photo piano pillow pilot pipe planet plant plate plum poem poet pond pope potato prison puzzle
  pyramid quilt rain razor recipe religion rib ribbon rice roof rope rose ruler sail salad salt sand sauce saxophone scarf scissors sculpture season shadow shampoo sheriff shirt shoe
  shoulder singer sink skeleton skirt sky sled soap sock sofa soil soldier song soul spice spine sponge spring stamp star statue stomach storm stove straw street sugar suit summer
  sunset swamp sweater sword table tailor teacher tent thumb ticket tiger toe tomato tongue tooth torch towel tower toy tractor train treasure tree trousers trumpet tunnel uncle
  university valley vampire vegetable veil village vinegar violin waist waiter wall walnut wardrobe warrior water wave wedding weekend whistle window wine winter witch wood wool wrist zebra zipper`);

export const QUALITIES =
  words(`ancient angry beautiful best big black blue bright broken cheap chemical cold common cruel dark deep dry elegant expensive famous fast fat French frozen
  German giant gold good great green grey hard heavy holy hot huge Italian Japanese large lazy light long loud medical modern natural new nice nuclear oily old old-fashioned open
  organic pink plastic polite political poor popular pretty purple quantum quick red rich rotten round royal Russian sad sharp short silver simple sleepy slow small smart soft Spanish square
  steep strong sweet tall thick thin tired tropical ugly urban violent warm weak wet white wide wild wooden yellow young`);

export const ACTS =
  words(`admire avoid bake bend bleach blow boil borrow break brush burn bury buy carry carve catch chew chop clean climb collect color cook copy cover crack cross cure cut
  decorate dig draw dress drink drive dry dye eat examine feed fetch fill fix fold fry glue grate grill grind grow hang heat hide hit hold hunt iron kick kiss knit lend lift light
  lock mail measure melt mend milk mix move name open order pack paint peel photograph pick plant play polish pour prepare press pull push raise recycle remove rent repair
  ride roast roll save sell sew shake sharpen shave shoot sing sketch slice smell smoke squeeze steal steer stir sweep swim taste teach tear throw tie trim turn understand
  varnish wash water wear weigh whip wipe wrap`);

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

function lines(text: string): readonly string[] {
  return text.split("\n").map((line) => line.trim());
}
